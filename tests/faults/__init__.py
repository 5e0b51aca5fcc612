"""The fault harness: many processes, clients and senders, and everything that breaks in real life.

`make faults` runs it; `python -m tests.faults --help` tells its options. It talks to
127.0.0.1 only and stops by itself.
"""
