"""A local page that explores: a reader chooses slice, readings and each next step.

`path` says where a reader stands, from what a link says; `ways` looks for shortest ways; `answers` says what the page's script asks;
`server` is the way there. What is drawn is `lockstep.page`'s; only `server` needs the extra ``web``.
"""
