"""The query of a request: read as Python's own parser does, whichever way it is written."""

from urllib.parse import parse_qs

import pytest
from django.test import AsyncRequestFactory
from hypothesis import given
from hypothesis import strategies as st

from delivery.credentials import MAX_QUERY_PARAMETERS, read_query
from delivery.exceptions import InvalidRequest

PARTS = st.sampled_from(["site", "apiKey", "=", "&", "%41", "%", "+", ";", "ä", " ", "#", "\x00"])


def read(query: str) -> dict[str, list[str]]:
    request = AsyncRequestFactory().post("/send")
    request.META["QUERY_STRING"] = query
    return read_query(request)


@given(st.lists(PARTS).map("".join))
def test_query_is_read_as_by_python(query: str) -> None:
    assert read(query) == parse_qs(query, keep_blank_values=True)


@pytest.mark.parametrize("parameter", ["a", "a=%41"])
def test_parameters_are_bounded(parameter: str) -> None:
    query = "&".join([parameter] * MAX_QUERY_PARAMETERS)
    assert len(read(query)["a"]) == MAX_QUERY_PARAMETERS
    with pytest.raises(InvalidRequest, match="more than 100 parameters"):
        read(f"{query}&")
