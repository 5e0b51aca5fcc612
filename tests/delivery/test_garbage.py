"""When garbage is looked for: the old seldom, and not what lives as long as the process."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from delivery.garbage import MOST_LOOKS, NEVER, Tidying, spare_the_rush


@dataclass
class Crowd:
    clients: int = 0
    disconnects: int = 0


class Ring:
    """Garbage, once nobody else has it."""

    def __init__(self) -> None:
        self.itself = self


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


def test_tidying_collects_what_has_come_since() -> None:
    spare_the_rush()
    tidying = Tidying(Crowd())
    gone = _leave_garbage()
    tidying.tidy()
    assert gone() is None


@pytest.mark.parametrize(("gone_clients", "looks"), [(0, 9), (10, 9), (11, 0)])
def test_what_has_survived_is_looked_through_again_when_many_have_gone_or_after_a_while(
    gone_clients: int, looks: int
) -> None:
    spare_the_rush()
    crowd = Crowd(clients=100)
    tidying = Tidying(crowd)
    tidying.tidy()
    gone = _leave_garbage(tidying)
    crowd.disconnects += gone_clients
    for _ in range(looks - 2):
        tidying.tidy()
        assert gone() is not None
    tidying.tidy()
    assert gone() is None


def test_all_is_not_looked_through_for_those_who_have_left_nothing_the_last_time() -> None:
    spare_the_rush()
    crowd = Crowd(clients=1_000_000)
    tidying = Tidying(crowd)
    crowd.disconnects += 900_000  # more than all objects that the test itself may leave
    tidying.tidy()
    gone = _leave_garbage(tidying)
    crowd.disconnects += 900_000
    tidying.tidy()
    assert gone() is not None


def test_while_nobody_goes_it_is_not_learned_that_they_leave_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spare_the_rush()
    crowd = Crowd(clients=100)
    tidying = Tidying(crowd)
    with monkeypatch.context() as nothing_found:
        nothing_found.setattr(gc, "collect", lambda: 0)
        for _ in range(MOST_LOOKS):
            tidying.tidy()
    gone = _leave_garbage(tidying)
    crowd.disconnects += 11
    tidying.tidy()
    assert gone() is None


def _leave_garbage(survived: Tidying | None = None) -> "weakref.ref[Ring]":
    ring = Ring()
    gc.collect()
    if survived is not None:
        survived.tidy()
    return weakref.ref(ring)
