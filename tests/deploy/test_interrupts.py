"""Ctrl-C waits for the command that runs, once."""

import signal
from unittest import mock

import pytest

from config.deploy.rollout.interrupts import Interrupts


def test_it_is_raised_between_two_commands() -> None:
    interrupts = Interrupts()
    with interrupts.held_back():
        interrupts.raise_if_due()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.raise_if_due()
        interrupts.raise_if_due()  # for what cleans up


def test_a_second_one_is_raised_where_it_comes() -> None:
    with Interrupts().held_back():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_it_is_as_before_behind_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts().held_back():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_a_command_that_starts_as_it_comes_has_no_input() -> None:
    interrupts, channel = Interrupts(), mock.Mock()
    with interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        with interrupts.closing_input_of(channel):
            channel.shutdown_write.assert_called_once_with()
