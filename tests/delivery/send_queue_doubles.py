"""Frames of any size, and a websocket that takes them unless it is full."""

from dataclasses import dataclass, field

from engineio.packet import MESSAGE

from delivery.send_queue import Frame, SendQueue


def frame(size: int = 100) -> Frame:
    return Frame(MESSAGE, "x" * size)


@dataclass(eq=False)
class Wire:
    """A socket over a websocket that takes frames directly, unless it is full."""

    is_full: bool = False
    closed: bool = False
    is_finished: bool = False
    written: list[bytes] = field(default_factory=list)
    queue: SendQueue = field(default_factory=SendQueue)

    def __post_init__(self) -> None:
        self.queue.attach(self)

    def write(self, data: bytes) -> bool:
        if not self.is_full:
            self.written.append(data)
        return not self.is_full

    def finish(self) -> None:
        self.is_finished = True
