"""The slices, one a module: where it starts, what it offers, what it leaves out. `model.slices` puts them together."""
