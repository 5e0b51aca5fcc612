"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from django.test import override_settings
from hypothesis import settings

# A machine that is busy is no fault of what is tried.
settings.register_profile("suite", parent=settings(), deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _passwords_cost_little() -> Iterator[None]:
    """Half a second for each user that is made, or logs in, would be most of what those tests
    take. Services in processes of their own have the hasher that people have."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
