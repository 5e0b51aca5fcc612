"""A million inputs that nobody means well by: at the parsers of `/send` in this process, and at
a real service over HTTP, websockets and polling. Run by `make fuzz`; a short form is in the
suite.
"""
