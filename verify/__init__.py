"""Engines that read the tables. `step` is the single meaning; every other engine must agree with it."""
