"""Names and the seconds in which they are due."""

from delivery.wheel import Wheel


def test_what_is_due_is_taken_once_in_order_of_the_seconds() -> None:
    wheel = Wheel(100.0)
    for name, due_at in [("late", 107.5), ("soon", 101.2), ("next", 103.0)]:
        wheel.put(name, due_at)
    assert wheel.take_due(101.9) == []
    assert wheel.take_due(104.0) == ["soon", "next"]
    assert wheel.take_due(200.0) == ["late"]
    assert wheel.take_due(300.0) == []


def test_what_was_due_already_is_taken_with_the_next_second() -> None:
    wheel = Wheel(100.0)
    wheel.put("a", 3.0)
    assert wheel.take_due(100.9) == []
    assert wheel.take_due(101.0) == ["a"]


def test_a_name_is_due_once_however_often_it_is_put_or_removed() -> None:
    wheel = Wheel(100.0)
    wheel.put("a", 101.0)
    wheel.put("a", 105.0)
    wheel.put("b", 101.0)
    wheel.remove("b")
    wheel.remove("never put")
    assert wheel.take_due(104.0) == []
    assert wheel.take_due(110.0) == ["a"]
    assert (wheel._slots, wheel._slot_of) == ({}, {})
