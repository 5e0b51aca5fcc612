"""The file of variables, as systemd reads it."""

import pytest

from config.deploy.rollout.remote.with_environment import variables


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("  NAME = value  ", "value"),
        ("NAME=", ""),
        ("NAME=two words", "two words"),
        ("NAME='in quotes # and ;'", "in quotes # and ;"),
        ('NAME="in quotes"', "in quotes"),
        ('NAME="', '"'),
        ("NAME=postgres://u:p%40ss@db/x?sslmode=require&a=$b", None),
    ],
)
def test_a_value_is_what_stands_there(line: str, value: str | None) -> None:
    expected = line.partition("=")[2] if value is None else value
    assert list(variables(line)) == [("NAME", expected)]


def test_comments_and_what_is_no_variable_are_left_out() -> None:
    assert list(variables("# A=1\n; B=2\n\nnothing\nC=3\n")) == [("C", "3")]
