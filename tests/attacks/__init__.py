"""Attacks on a real service, one small function each, and what they do to somebody else.

`make attacks` starts a service, runs them one after the other, and measures meanwhile how long
messages of another site take. `arena` runs them; the files named after what they attack hold them.
"""
