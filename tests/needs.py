"""What a test needs of its machine."""

import os

import pytest


def missing(what: str) -> None:
    """Skip the test on a machine without it; in CI that is a failure."""
    reason = f"needs {what}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)
