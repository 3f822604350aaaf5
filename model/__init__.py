"""The protocols as tables of data; standard library only, no engine in it."""
