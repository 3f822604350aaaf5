"""Models of the public TLA+ examples as tables, whose state counts TLC has published: what the engines are measured against.

Each module is our own rendering of one model of https://github.com/tlaplus/Examples. A stimulus (an event with its
arguments and choices) stands for one binding of one disjunct of the module's next-state action, so that the states
generated, duplicates included, can be compared as well.
"""
