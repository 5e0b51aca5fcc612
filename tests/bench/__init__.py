"""The benchmark: this service and what a user would write in Node instead, in turn.

`make bench` runs it; `python -m tests.bench --help` tells its options. It talks to
127.0.0.1 only and stops by itself.
"""
