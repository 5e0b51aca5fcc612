"""What a developer sees first: the demo site, its page at /demo/, and the greeting of `serve`.

A Django app that is installed in the development environment only; in production
its URLs, templates and static files do not exist.
"""
