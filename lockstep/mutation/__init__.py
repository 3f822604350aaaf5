"""Which sentences bear a load: the model with one row or sentence changed at a time (`verify.mutants`), and which claims notice."""
