"""What a client of no good will puts on its transport: Engine.IO and Socket.IO packets.

May import chance.
"""

from collections.abc import Callable

from tests.fuzz.chance import Chance

Packet = str | bytes

OVERSIZED_BYTES = 1_000_001  # past maxHttpBufferSize
FENCE = "40/no-such-site,"
FENCE_ANSWER = b"44/no-such-site,"
RIGHT = [
    *('40/newsite,{"token":"fuzz"}', '40/othersite,{"token":"fuzz","deviceId":"d"}', "40/nosite,"),
    *("40", "41/newsite,", "41", '42/newsite,["update",1]', '42["update",{"a":[1]}]'),
    *(
        '42/newsite,17["update"]',
        "43/newsite,1[]",
        "43/newsite,17[1]",
        "2",
        "3",
        "5",
        "6",
        "2probe",
    ),
    *('0{"sid":"x"}', '44/newsite,{"message":"no"}', "40/newsite?token=fuzz&deviceId=7,"),
    '451-/newsite,["update",{"_placeholder":true,"num":0}]',
    '452-/newsite,3["update",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]',
    '461-/newsite,17[{"_placeholder":true,"num":0}]',
]
TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9


def malformed(chance: Chance) -> list[Packet]:
    """Packets of every kind, the most of them with something wrong."""
    return [_packet(chance) for _ in range(chance.randint(1, 12))]


def many_namespaces(chance: Chance) -> list[Packet]:
    count, width = chance.choice([20, 99, 100, 101, 102, 3_000]), chance.choice([1, 4])
    return [f"40/{number:0{width}}{chance.text(3)}," for number in range(count)]


def foreign_acks(chance: Chance) -> list[Packet]:
    """For ids that were never sent here; those that are small were sent to somebody else."""
    numbers = [chance.choice([number, -number, 10**15 + number, 10**30]) for number in range(40)]
    return [f"43/newsite,{number}{chance.choice(['[]', '[true]', '', '{}'])}" for number in numbers]


def attachments(chance: Chance) -> list[Packet]:
    """Binary events whose attachments are late, too many, of no use, or never come."""
    count = chance.choice([1, 2, 10, 11, 1_000, 10**9])
    kind = chance.choice(["45", "46"])
    number = chance.choice([0, 1, count, -1, "x"])
    head = f'{kind}{count}-/newsite,["update",{{"_placeholder":true,"num":{number}}}]'
    came: list[Packet] = [chance.blob(200) for _ in range(chance.randint(0, min(count, 12)))]
    after: list[list[Packet]] = [[], [head], ["42/newsite,[1]"], [b""]]
    return [head, *came, *chance.choice(after)]


def oversized(chance: Chance) -> list[Packet]:
    size = chance.choice([OVERSIZED_BYTES, OVERSIZED_BYTES - 20, 3_000_000])
    filled = chance.choice(["42/newsite,[" + "1," * (size // 2), "4" * size, "[" * size])
    packet: list[Packet] = [filled[:size], filled[:size].encode()]
    return [chance.choice(packet)]


def floods(chance: Chance) -> list[Packet]:
    """Events of which a client may send only so many."""
    return [f'42/newsite,["e{number}"]' for number in range(chance.choice([100, 199, 300]))]


MAKERS: dict[str, Callable[[Chance], list[Packet]]] = {
    "malformed packets": malformed,
    "namespaces": many_namespaces,
    "foreign acks": foreign_acks,
    "attachments": attachments,
    "oversized": oversized,
    "floods": floods,
}


def payload(chance: Chance, packets: list[Packet]) -> bytes:
    """The body of a poll's POST: packets in a row, binary ones in base64 as far as that goes."""
    parts = [each.encode("utf-8", "replace") if isinstance(each, str) else each for each in packets]
    joined = b"\x1e".join(parts) or b"\x1e"
    return chance.mutate(joined) if chance.is_lucky(0.2) else joined


def frames(packets: list[Packet]) -> bytes:
    return b"".join(
        frame(TEXT, each.encode("utf-8", "surrogatepass"))
        if isinstance(each, str)
        else frame(BINARY, each)
        for each in packets
    )


def frame(opcode: int, data: bytes, *, is_last: bool = True, mask: bytes = bytes(4)) -> bytes:
    """A client's frame; a mask of zeros changes nothing, an empty one breaks the protocol."""
    size, first = len(data), opcode | (0x80 if is_last else 0)
    masked = 0x80 if mask else 0
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65_536:
        head = bytes((first, masked | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, masked | 127)) + size.to_bytes(8)
    return head + mask + data


def broken_frames(chance: Chance) -> list[bytes]:
    """Not even websocket frames: bad opcodes, lengths, masks, fragments and UTF-8."""
    return [chance.choice(BROKEN)(chance) for _ in range(chance.randint(1, 6))]


def _packet(chance: Chance) -> Packet:
    data = chance.choice(RIGHT).encode()
    if chance.is_lucky(0.8):
        data = chance.mutate(data, 2)
    return data if chance.is_lucky(0.1) else data.decode("utf-8", "replace")


BROKEN: list[Callable[[Chance], bytes]] = [
    lambda chance: chance.blob(),
    lambda chance: frame(chance.randint(0, 15), chance.blob(), is_last=chance.is_lucky(0.5)),
    lambda chance: frame(TEXT, b"42/newsite,[]", mask=b""),
    lambda chance: frame(TEXT, b"\xff\xfe" + chance.blob()),
    lambda chance: frame(PING, chance.randbytes(chance.choice([0, 125, 126, 70_000]))),
    lambda chance: frame(CLOSE, chance.blob()),
    lambda chance: frame(TEXT, b"42/new", is_last=False) + frame(0, b"site,[]"),
    lambda chance: bytes((0x81, 0xFF)) + chance.randbytes(12),
    lambda chance: chance.mutate(frames(malformed(chance))),
]
