"""The model in time: SimPy drives the tables; only here is there a clock."""
