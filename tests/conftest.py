"""What holds for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from hypothesis import settings

# A machine that is busy is no fault of what is tried.
settings.register_profile("suite", parent=settings(), deadline=None)
settings.load_profile("suite")

HERE = Path(__file__).parent
# A file is tried by one worker. Those that take minutes come first, so that nobody has to wait for
# one that was begun last; among themselves, and the rest, they come as the seed has it.
LONGEST_FIRST = (
    "deploy",
    "browser",
    "bench",
    "fuzz",
    "attacks",
    "upgrade",
    "delivery/test_redis_topologies.py",
    "sioweb_project/test_serve_topologies.py",
    "e2e",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path))


def _rank(file: Path) -> int:
    ranks = [rank for rank, name in enumerate(LONGEST_FIRST) if file.is_relative_to(HERE / name)]
    return ranks[0] if ranks else len(LONGEST_FIRST)


@pytest.fixture(scope="session", autouse=True)
def _passwords_cost_little() -> Iterator[None]:
    """Half a second for each user that is made, or logs in, would be most of what those tests
    take. Services in processes of their own have the hasher that people have."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
