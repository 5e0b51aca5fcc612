"""What a request has sent: noted once, while its line can still be written."""

import contextvars

from delivery.request_lines import begin_line, note_sent

SENT = {"site": "newsite", "message": "75", "rooms": 1}
REQUEST = {"request": "POST /send", "status": "cut"}


def test_a_line_takes_what_was_sent_first_and_nothing_once_it_is_written() -> None:
    line = begin_line()
    assert note_sent(SENT)
    assert not note_sent({"site": "newsite", "message": "76", "rooms": 1})
    assert line == SENT
    begin_line().update(REQUEST)
    assert not note_sent(SENT)


def test_without_a_request_nothing_is_noted() -> None:
    assert not contextvars.Context().run(note_sent, SENT)
