"""When garbage is looked for: the old seldom, and not what lives as long as the process."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from delivery.garbage import NEVER, spare_the_rush, tidy


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_old_objects_are_not_looked_through_in_a_rush() -> None:
    spare_the_rush()
    assert gc.get_threshold()[2] == NEVER
    assert gc.get_freeze_count() > 0


def test_young_garbage_is_still_collected() -> None:
    spare_the_rush()
    before = gc.get_stats()[0]["collections"]
    rings = []
    for _ in range(100_000):
        ring: list[object] = []
        ring.append(ring)
        rings.append(ring)
    assert gc.get_stats()[0]["collections"] > before


def test_tidying_collects_what_is_old_as_well() -> None:
    class Ring:
        pass

    spare_the_rush()
    ring = Ring()
    ring.itself = ring  # type: ignore[attr-defined]
    gc.collect()
    gone = weakref.ref(ring)
    del ring
    tidy()
    assert gone() is None
