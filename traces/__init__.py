"""Traces: written, read, replayed on the reference interpreter, and rendered for people."""
