"""The production guide, followed line by line on a Debian of its own: `make production-guide`.

`machine` boots a bare Debian 12 in namespaces of this machine's kernel, with systemd as its
first process; `guide` reads docs/production.md; `__main__` follows it and looks at the result.
"""
