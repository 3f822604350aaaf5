"""The commands, one module each: a function that typer reads, and EPILOG, its examples."""
