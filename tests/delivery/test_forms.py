"""The bracket syntax: read as qs reads it, in time linear in the body's length."""

from random import Random
from urllib.parse import quote_plus

import pytest
import qs_codec
from hypothesis import assume, given
from hypothesis import strategies as st

from delivery.forms import MIN_LIST_LIMIT, parse_form


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("rooms=staff", {"rooms": "staff"}),
        ("rooms[]=a&rooms[]=b", {"rooms": ["a", "b"]}),
        ("rooms[]=a", {"rooms": ["a"]}),
        ("rooms=a&rooms=b", {"rooms": ["a", "b"]}),
        ("rooms[]=a&rooms=b", {"rooms": ["a", "b"]}),
        ("rooms[1]=b&rooms[0]=a", {"rooms": ["a", "b"]}),
        ("rooms[7]=b&rooms[2]=a", {"rooms": ["a", "b"]}),
        ("args[0]=user&args[1][id]=1", {"args": ["user", {"id": "1"}]}),
        ("args[][id]=1&args[][age]=5", {"args": [{"id": "1", "age": "5"}]}),
        ("args[0][]=1&args[0][]=2", {"args": [["1", "2"]]}),
        ("args[0]=1&args[0]=2", {"args": [["1", "2"]]}),
        ("args[0]=1&args[x]=2", {"args": {"0": "1", "x": "2"}}),
        ("args[01]=1", {"args": {"01": "1"}}),
        ("args[100]=1", {"args": {"100": "1"}}),
        ("args[99]=1", {"args": ["1"]}),
        ("args[99999999999999999999]=1", {"args": {"99999999999999999999": "1"}}),
        ("args[\N{ARABIC-INDIC DIGIT THREE}]=1", {"args": {"\N{ARABIC-INDIC DIGIT THREE}": "1"}}),
        ("args[__proto__][x]=1", {"args": {"__proto__": {"x": "1"}}}),
        ("a.b=1", {"a.b": "1"}),
        ("a[b=c]=d", {"a": {"b=c": "d"}}),
        ("event=[1]=2", {"event": "[1]=2"}),
        ("event", {"event": ""}),
        ("event=a=b", {"event": "a=b"}),
        ("event=a+b%2Bc%20d", {"event": "a b+c d"}),
        ("event=100%&x=%zz&y=%4", {"event": "100%", "x": "%zz", "y": "%4"}),
        ("event=%00", {"event": "\0"}),
        ("event=%F0%9F%98%80", {"event": "\N{GRINNING FACE}"}),
        ("&&=x&event=y&", {"event": "y"}),
        ("", {}),
    ],
)
def test_form_becomes_fields(body: str, fields: dict[str, object]) -> None:
    assert parse_form(body.encode()) == fields


def test_index_up_to_the_number_of_parameters_makes_a_list() -> None:
    body = "&".join(f"args[{i}]={i}" for i in range(1_000))
    assert parse_form(body.encode()) == {"args": [str(i) for i in range(1_000)]}


@pytest.mark.parametrize(
    "body",
    [
        b"&".join(b"args[%d]=x" % i for i in range(100_000)),
        b"&".join(b"args[0][%d]=x" % i for i in range(100_000)),
        b"&".join([b"args[9999][9999]=x"] * 100_000),
        b"&".join([b"args[]=x"] * 100_000),
        b"&".join(b"args[%d]" % i + b"[x]" * 31 + b"=x" for i in range(10_000)),
        b"a=" + b"%" * 1_000_000,
        b"a=" + b"%41x" * 250_000,
        b"a[" + b"]=" * 500_000,
    ],
    ids=["list", "inner list", "sparse", "appended", "deep", "percent", "escapes", "ends"],
)
def test_hostile_form_is_read_in_linear_time(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    # Past the limits, so that quadratic time would run into the test's own timeout.
    monkeypatch.setattr("delivery.forms.MAX_PARAMETERS", 1_000_000)
    monkeypatch.setattr("delivery.forms.MAX_BRACKETS", 1_000_000)
    assert parse_form(body)


NAMES = st.sampled_from(["a", "b", "id", "rooms", "é", "x y"])
LEAVES = st.text(max_size=5)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.dictionaries(NAMES, inner, min_size=1, max_size=4)
            | st.lists(inner, min_size=1, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


def write_form(place: str, value: object) -> list[str]:
    """Return the parameters of a tree, as a form would send it."""
    if isinstance(value, dict):
        return [each for name in value for each in write_form(f"{place}[{name}]", value[name])]
    if isinstance(value, list):
        return [each for i, one in enumerate(value) for each in write_form(f"{place}[{i}]", one)]
    return [f"{quote_plus(place)}={quote_plus(str(value))}"]


def has_list_in_list(value: object, is_in_list: bool = False) -> bool:
    if isinstance(value, dict):
        return any(has_list_in_list(one) for one in value.values())
    if isinstance(value, list):
        return is_in_list or any(has_list_in_list(one, True) for one in value)
    return False


@given(tree=TREES, random=st.randoms())
def test_written_form_is_read_back_in_whatever_order(
    tree: dict[str, object], random: Random
) -> None:
    parameters = [each for name in tree for each in write_form(name, tree[name])]
    random.shuffle(parameters)
    assert parse_form("&".join(parameters).encode()) == tree


@given(tree=TREES)
def test_form_is_read_as_qs_reads_it(tree: dict[str, object]) -> None:
    # Lists within lists come out of the Python port otherwise than out of qs itself.
    assume(not has_list_in_list(tree))
    body = "&".join(each for name in tree for each in write_form(name, tree[name]))
    options = qs_codec.DecodeOptions(depth=32, list_limit=MIN_LIST_LIMIT)
    assert parse_form(body.encode()) == qs_codec.decode(body, options)


@given(values=st.lists(LEAVES, min_size=1, max_size=20), suffix=st.sampled_from(["", "[]"]))
def test_repeated_field_is_read_as_qs_reads_it(values: list[str], suffix: str) -> None:
    body = "&".join(f"rooms{suffix}={quote_plus(value)}" for value in values)
    assert parse_form(body.encode()) == qs_codec.decode(body)
