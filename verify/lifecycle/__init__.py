"""The lifecycle as graphs: of a table, of a slice merged by some variables, of a small slice in full; and facts about them."""
