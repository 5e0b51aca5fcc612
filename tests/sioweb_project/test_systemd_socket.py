"""What is made of the sockets that systemd tells of in the environment."""

import os

import pytest

from sioweb_project.exceptions import ConfigError
from sioweb_project.systemd_socket import FIRST_FD, take_systemd_socket

OWN = str(os.getpid())


def test_a_socket_for_this_process_is_taken_once() -> None:
    environ = {"LISTEN_PID": OWN, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x.socket", "PORT": "1"}
    assert take_systemd_socket(environ) == FIRST_FD
    assert environ == {"PORT": "1"}
    assert take_systemd_socket(environ) is None


def test_a_socket_for_the_process_before_is_not() -> None:
    assert take_systemd_socket({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None


@pytest.mark.parametrize("count", ["2", "0", "", "one"])
def test_any_other_number_of_sockets_is_refused(count: str) -> None:
    with pytest.raises(ConfigError, match=f"LISTEN_FDS is '{count}'; accepted: 1"):
        take_systemd_socket({"LISTEN_PID": OWN, "LISTEN_FDS": count})
