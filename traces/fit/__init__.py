"""A capture against the model: is there a run of the tables that shows what the file shows, and under which readings? (Decision 044.)"""
