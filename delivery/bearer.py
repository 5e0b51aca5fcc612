"""The token of an `Authorization` header. Imports nothing of the project."""


def read_bearer(authorization: str) -> str:
    """Return the token, "" = none, or another scheme.

    >>> [read_bearer(header) for header in ("Bearer abc", "bearer  abc ", "abc", "Basic abc", "")]
    ['abc', 'abc', '', '', '']
    """
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
