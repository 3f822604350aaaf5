"""Lints: what the draft demands of a deployment, checked on a file that describes one.

`deployment` says what such a file holds, `reading` reads it, `lint` is what a lint is, the other modules are the lints by subject, and
`catalogue` is all of them.
"""
