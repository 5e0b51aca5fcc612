"""`/send` with random bodies and queries: never a 500."""

import json
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery.http_fixtures import FORM, Edge

TEXTS = st.text(st.characters(), max_size=300)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
SOME_FIELDS = st.dictionaries(
    st.sampled_from(["rooms", "event", "args", "resync", "x"]), JSON_VALUES
)
RAW_BODIES = st.binary(max_size=200) | st.text(string.printable).map(str.encode)
FORM_BODIES = st.text(alphabet="roms=&[]%5Bbd0129+aé\x00", max_size=80).map(str.encode)

# One edge serves all examples: it keeps nothing that a later answer depends on.
many = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_definite(status: int) -> bool:
    return status in (200, 400)


@many
@given(body=SOME_FIELDS)
async def test_random_json_fields_never_give_a_500(edge: Edge, body: object) -> None:
    # Python's own writer also writes NaN, half surrogate pairs and integers of any length.
    assert is_definite((await edge.send(json.dumps(body).encode())).status)


@many
@given(body=RAW_BODIES)
async def test_random_bytes_never_give_a_500(edge: Edge, body: bytes) -> None:
    assert is_definite((await edge.send(body)).status)
    assert is_definite((await edge.send(body, content_type=FORM)).status)


@many
@given(body=FORM_BODIES)
async def test_random_forms_never_give_a_500(edge: Edge, body: bytes) -> None:
    raw = b"rooms=staff&event=x&" + body
    assert is_definite((await edge.send(raw, content_type=FORM)).status)


@many
@given(query=st.text(alphabet="siteapKyrnc=&%5F1\xff[]+;", max_size=80))
async def test_random_queries_never_give_a_500(edge: Edge, query: str) -> None:
    assert (await edge.send({"rooms": "staff", "event": "x"}, query=query)).status in (400, 401)
