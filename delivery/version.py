"""The service's version: for `/metrics`, the live view and `serve --version`.

`make release-check` holds it against pyproject.toml and CHANGELOG.md. Imports nothing.
"""

VERSION = "1.0.0"
