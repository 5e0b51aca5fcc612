"""`manage.py doctor`: what may keep the service from working, and what to do about it.

`examination` has the list of what is looked at, each in a module named after it.
"""
