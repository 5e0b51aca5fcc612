"""What a process notes for receipts: within its limits, and other processes' messages later."""

import pytest

from delivery.journal import MAX_NOTES, MAX_ROOMS, OTHERS_SECONDS, Journal
from delivery.message import Message
from delivery.queue_values import Appended
from tests.delivery.queue_fixtures import LAPTOP, PHONE, SITE


def accept(journal: Journal, message_id: str, rooms: int = 1) -> None:
    message = Message.build(message_id, "hello", [], False, [])
    stored = [Appended(f"user_{i}", "epoch", 1, message_id, "", ()) for i in range(rooms)]
    if journal.expect([message_id]):
        journal.accept(SITE, message, 1.0, stored, 0)


def test_a_message_of_many_rooms_tells_of_some() -> None:
    journal = Journal(10)
    accept(journal, "1", rooms=100)
    taken = journal.take()
    assert len(taken.rooms) == MAX_ROOMS
    assert taken.begun[SITE, "1"].endswith(b",80,0]")


def test_past_its_limit_the_journal_skips_and_counts() -> None:
    journal = Journal(10)
    for i in range(7):
        accept(journal, str(i))
    for each in "46":
        journal.sent(PHONE, (each,))
    taken = journal.take(to_the_end=True)
    assert (len(taken.begun), taken.lines) == (5, {})
    assert taken.begun[SITE, "4"].count(b"\n") == 1
    assert journal.skipped == 2


def test_what_has_no_receipt_takes_no_room_of_what_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    journal = Journal(2)
    accept(journal, "1")
    assert journal.expect(["2", "3"]) == frozenset()
    for _ in range(MAX_NOTES):
        journal.sent(PHONE, ("2",))
        journal.acked(PHONE, ("2", "3"))
        journal.broadcast(SITE, "3", 1)
    journal.sent(PHONE, ("1",))
    journal.acked(PHONE, ("1", "2"))
    taken = journal.take(to_the_end=True)
    assert taken.begun[SITE, "1"].count(b"\n") == 2
    assert (list(taken.begun), taken.lines) == ([(SITE, "1")], {})
    assert journal.skipped == 2


def test_the_limit_comes_back_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    journal = Journal(10)
    for _ in range(5):
        accept(journal, "1")
    now[0] = 2160
    journal.take()
    for _ in range(5):
        accept(journal, "1")
    assert journal.skipped == 2  # five an hour come back


def test_without_receipts_nothing_is_kept() -> None:
    journal = Journal()
    accept(journal, "1")
    journal.sent(LAPTOP, ("1",))
    journal.acked(LAPTOP, ("1",))
    journal.broadcast(SITE, "1", 2)
    assert not journal.take(to_the_end=True)
    assert journal.skipped == 0


@pytest.mark.parametrize("seconds", [0.1, 0.5, 60.0])
def test_notes_are_limited_by_the_second(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    journal = Journal(10)
    accept(journal, "1")
    for _ in range(MAX_NOTES + 7):
        journal.acked(PHONE, ("1",))
    journal.take()
    assert journal.skipped == 7
    now = seconds
    for _ in range(2 * MAX_NOTES):
        journal.acked(PHONE, ("1",))
    journal.take()
    assert journal.skipped == 7 + 2 * MAX_NOTES - MAX_NOTES * min(seconds, 1)


def test_notes_of_others_messages_wait_for_their_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.time", lambda: now)
    journal = Journal(10)
    accept(journal, "1")
    journal.acked(PHONE, ("1", "2"))
    now += 1
    journal.acked(LAPTOP, ("2",))
    taken = journal.take()
    assert (taken.begun[SITE, "1"].count(b"\n"), taken.lines) == (1, {})
    now = 100 + OTHERS_SECONDS
    assert b"phone" in journal.take().lines[SITE, "2"]
    assert not journal.take()
    assert b"laptop" in journal.take(to_the_end=True).lines[SITE, "2"]


def test_what_was_sent_a_moment_before_its_message_was_begun_is_noted_with_it() -> None:
    journal = Journal(10)
    journal.sent(PHONE, ("1",))
    assert not journal.take()
    accept(journal, "1")
    journal.acked(PHONE, ("1",))
    [text] = journal.take().begun.values()
    assert text.count(b"\n") == 2
    assert not journal.take(to_the_end=True)
