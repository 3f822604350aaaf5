"""Judging a capture: what is in it (`tracker`), the claims (one module each), and what is printed."""
