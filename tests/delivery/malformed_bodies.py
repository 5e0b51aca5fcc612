"""Bodies that `/send` refuses, and their promised answers."""

from tests.delivery.http_fixtures import CREDENTIALS, FORM
from tests.delivery.malformed_requests import Case

SEND = b'"event": "x", "rooms": ["staff"]'


def bad_json(message: str, body: bytes) -> Case:
    return Case(400, "malformed_json", message, body)


def bad_form(message: str, body: bytes) -> Case:
    return Case(400, "malformed_form", message, body, FORM)


def bad_field(code: str, message: str, **fields: object) -> Case:
    return Case(400, code, message, {"rooms": ["staff"], "event": "x", **fields})


def reserved(event: str, site: str = "newsite") -> Case:
    query = CREDENTIALS.replace("newsite", site)
    body = {"rooms": ["staff"], "event": event}
    return Case(400, "reserved_event", f'event: "{event}" is reserved.', body, query=query)


JSON_CASES = [
    bad_json("empty", b""),
    bad_json("not valid JSON", b" "),
    bad_json("not valid JSON", b"\xef\xbb\xbf"),
    bad_json("not valid JSON", b"{"),
    bad_json("not valid JSON", b"{'rooms': 'staff'}"),
    bad_json("not valid JSON", b"rooms=staff&event=x"),
    bad_json("not valid JSON", b"{" + SEND + b"} x"),
    bad_json("not valid JSON", b"{" + SEND + b"}{}"),
    bad_json("not valid JSON", b"{" + SEND + b",}"),
    bad_json("not valid JSON", b"{" + SEND + b', "args": NaN}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": -Infinity}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": 1e999}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": -1e999}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": ' + b"9" * 400 + b"}"),
    bad_json("not valid JSON", b"{" + SEND + b', "args": 01}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": "\\ud800"}'),
    bad_json("not valid JSON", b"{" + SEND + b', "\\udfff": 1}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": "\xff"}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": "\xed\xa0\x80"}'),
    bad_json("not valid JSON", b"{" + SEND + b', "args": "\x00"}'),
    bad_json("not valid JSON", b'{"rooms": ["\\ud83d"], "event": "x"}'),
    bad_json("not valid JSON", "{}".encode("utf-16")),
    bad_json("not valid JSON", b"[" * 1_000_000),
    bad_json("not valid JSON", b'{"a":' * 100_000),
    bad_json("expected a JSON object", b"[]"),
    bad_json("expected a JSON object", b'[{"rooms": "staff", "event": "x"}]'),
    bad_json("expected a JSON object", b"null"),
    bad_json("expected a JSON object", b'"x"'),
    bad_json("expected a JSON object", b"7"),
    *[
        Case(
            400,
            "invalid_args",
            "args: nested too deeply",
            b"{" + SEND + b', "args": ' + b"[" * depth + b"]" * depth + b"}",
        )
        for depth in [255, 256, 500, 1_000, 1_023]
    ],
    Case(
        400,
        "invalid_args",
        "args: nested too deeply",
        b"{" + SEND + b', "args": ' + b'{"a":' * 300 + b"1" + b"}" * 301,
    ),
]
FIELD_CASES = [
    Case(400, "invalid_rooms", "rooms: expected", {"event": "x"}),
    Case(400, "invalid_rooms", "got nothing.", {}),
    bad_field("invalid_rooms", "got a list of 0.", rooms=[]),
    bad_field("invalid_rooms", "1 to 1000 strings, got a list of 1001.", rooms=["a"] * 1_001),
    bad_field("invalid_rooms", "got null.", rooms=None),
    bad_field("invalid_rooms", "got 7.", rooms=7),
    bad_field("invalid_rooms", "got true.", rooms=True),
    bad_field("invalid_rooms", "got an object.", rooms={"0": "staff"}),
    bad_field(
        "invalid_rooms", 'rooms: expected a string of 1 to 256 characters, got "".', rooms=""
    ),
    bad_field("invalid_rooms", "rooms: expected a string of 1 to 256", rooms="r" * 257),
    bad_field(
        "invalid_rooms",
        "rooms[3]: expected a string of 1 to 256 characters, got 7.",
        rooms=["a", "b", "c", 7],
    ),
    bad_field("invalid_rooms", "rooms[0]: expected a string", rooms=[None]),
    bad_field("invalid_rooms", "rooms[0]: expected a string", rooms=[["staff"]]),
    bad_field("invalid_rooms", "rooms[1]: expected a string", rooms=["a", {"toString": "b"}]),
    bad_field(
        "invalid_rooms",
        'rooms[1]: expected a string of 1 to 256 characters, got ""',
        rooms=["a", ""],
    ),
    bad_field("invalid_rooms", "got 257 characters.", rooms=["\N{GRINNING FACE}" * 257]),
    Case(400, "invalid_event", "event: expected a string", {"rooms": "staff"}),
    bad_field("invalid_event", 'got "".', event=""),
    bad_field("invalid_event", "got null.", event=None),
    bad_field("invalid_event", "got 1.5.", event=1.5),
    bad_field("invalid_event", "got a list of 1.", event=["x"]),
    bad_field("invalid_event", "got an object.", event={}),
    bad_field("invalid_event", "got 257 characters.", event="e" * 257),
    reserved("connect"),
    reserved("connect_error"),
    reserved("disconnect"),
    reserved("disconnecting"),
    reserved("newListener"),
    reserved("removeListener"),
    reserved("error"),
    reserved("batch"),
    reserved("resync"),
    reserved("_batch", "prefixed"),
    reserved("_resync", "prefixed"),
    reserved("_settings", "prefixed"),
    bad_field("invalid_resync", "resync: expected true or false, got null.", resync=None),
    bad_field("invalid_resync", 'got "yes".', resync="yes"),
    bad_field("invalid_resync", "got 2.", resync=2),
    bad_field("invalid_resync", "got 1.0.", resync=1.0),
    bad_field("invalid_resync", "got a list of 0.", resync=[]),
    *[
        Case(400, "invalid_resync", message, query=f"{CREDENTIALS}&{query}")
        for query, message in [
            ("resync=yes", "Query param 'resync': expected true or false, got \"yes\"."),
            ("resync=2", 'got "2"'),
            ("resync=%20true", 'got " true"'),
            ("resync=true&resync=false", "more than once"),
            ("resync=" + "x" * 1_000, "got 1000 characters"),
        ]
    ],
]
FORM_CASES = [
    Case(400, "invalid_rooms", "got nothing", b"", FORM),
    bad_form("JSON needs the header", b'{"rooms": "staff", "event": "x"}'),
    bad_form("JSON needs the header", b'\n{"rooms": "staff", "event": "x"}'),
    Case(400, "invalid_rooms", "got nothing", b"\x00\x01\x02", FORM),
    Case(400, "invalid_rooms", "got an object", b"event=x&rooms[__proto__]=staff", FORM),
    Case(400, "invalid_rooms", "got an object", b"event=x&rooms[length]=1", FORM),
    Case(400, "invalid_rooms", "got an object", b"event=x&rooms[99999]=staff", FORM),
    Case(400, "invalid_rooms", "rooms[0]: expected", b"event=x&rooms[][]=staff", FORM),
    Case(400, "invalid_rooms", "got a list of 1001", b"event=x" + b"&rooms[]=a" * 1_001, FORM),
    Case(400, "invalid_event", "got a list of 2", b"rooms=staff&event=x&event=y", FORM),
    Case(400, "invalid_event", "got nothing", b"rooms=staff&__proto__[event]=x", FORM),
    Case(400, "invalid_resync", "resync", b"rooms=staff&event=x&resync=maybe", FORM),
    Case(413, "too_many_parameters", "10000 form parameters", b"&" * 10_000, FORM),
    Case(413, "too_many_parameters", "20000 brackets", b"&".join([b"a[][][]=1"] * 9_999), FORM),
    bad_form("form parameter 2 is not valid UTF-8", b"rooms=staff&event=%FF"),
    bad_form("form parameter 1 is not valid UTF-8", b"rooms[%C3]=staff&event=x"),
    bad_form("form parameter 1 is not valid UTF-8", b"rooms=\xff"),
    bad_form("form parameter 1 is not valid UTF-8", b"rooms=%ED%A0%80"),
    bad_form("rooms[: the brackets do not match.", b"rooms[=staff&event=x"),
    bad_form("rooms]: the brackets do not match.", b"rooms]=staff&event=x"),
    bad_form("rooms[a]b: the brackets do not match.", b"rooms[a]b=staff&event=x"),
    bad_form("[rooms]: the brackets do not match.", b"[rooms]=staff&event=x"),
    bad_form("a[b[c]]: the brackets do not match.", b"a[b[c]]=1"),
    bad_form("more than 32 levels", b"args" + b"[a]" * 33 + b"=1"),
    bad_form("more than 32 levels", b"args" + b"[]" * 500_000 + b"=1"),
    bad_form("the brackets do not match", b"args" + b"[" * 1_000_000 + b"=1"),
    bad_form("args: given both as a value and with brackets.", b"args=1&args[id]=2"),
    bad_form("args[0]: given both", b"args[0][id]=2&args[0]=1"),
]
