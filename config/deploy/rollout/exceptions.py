"""What goes wrong in a deploy."""


class Failure(Exception):
    """Said to the user as it is, without a traceback."""
