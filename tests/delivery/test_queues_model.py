"""Queues against a plain model, over random interleavings of all that can happen to a room."""

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from delivery.message import Message
from delivery.queue_values import Ack, Acknowledged, Appended, Position, State
from tests.delivery.queue_bench import QueuesBench, device
from tests.delivery.queue_fixtures import ROOM, SITE
from tests.delivery.queue_index import index_last
from tests.delivery.queue_model import Box
from tests.delivery.redis_copies import dump_all, restore_all

WIDE = 10**6

device_ids = st.sampled_from(["", "a", "b", "a}:*"])
processes = st.sampled_from(["first", "second"])
once_keys = st.sampled_from(["", "", "1", "2"])
events = st.sampled_from(["update", "upd"])
steps_ms = st.sampled_from([1, 20_000, 59_999, 60_001, 99_999, 100_000, 100_001, 250_000])
messages_back = st.integers(0, 6)
seqs_back = st.lists(st.integers(-1, 7), min_size=1, max_size=4)


class QueuesMachine(QueuesBench):
    """Each rule does a step in Redis and in the model, and compares what comes of it."""

    @rule(event=events, resync=st.booleans(), size=st.integers(0, 60), once=once_keys)
    def append(self, event: str, resync: bool, size: int, once: str) -> None:
        self.count += 1
        message = Message.build(str(self.count), event, ["x" * size], resync, [ROOM])
        is_first, is_repeated = not self.model.has_epoch, once in self.model.once
        seq, message_id, previous_id, overflowed = self.model.append(message, once)
        [appended] = self.run(self.queues["first"].append(SITE, [ROOM], message, once))
        if is_first:
            assert appended.epoch not in self.epochs
            self.epochs.append(appended.epoch)
        assert set(appended.overflowed) == overflowed
        # A repeated call names the epoch of the first, which may be lost by now.
        epoch = appended.epoch if is_repeated else self.epochs[-1]
        assert appended == Appended(ROOM, epoch, seq, message_id, previous_id, appended.overflowed)
        assert epoch in self.epochs
        self.sent.append(Position(appended.epoch, seq, message_id))

    @rule(
        device_id=device_ids,
        process=processes,
        count=st.integers(1, 6),
        size=st.integers(1, 99),
        back=messages_back,
    )
    def open(self, device_id: str, process: str, count: int, size: int, back: int) -> None:
        position = self.position(back)
        backlog = self.run(self.queues[process].open(device(device_id), position, count, size))
        self.note_lost_state(device_id, position, backlog.epoch)
        self.compare(backlog, self.model.open(device_id, process), 0, count, size)

    @rule(device_id=device_ids, back=messages_back, count=st.integers(1, 6))
    def read(self, device_id: str, back: int, count: int) -> None:
        position = self.position(back)
        backlog = self.run(self.queues["second"].read(device(device_id), position, count, WIDE))
        self.note_lost_state(device_id, position, backlog.epoch)
        self.compare(backlog, self.model.read(device_id), position.seq, count, WIDE)

    @rule(device_id=device_ids, back=seqs_back, checks_order=st.booleans())
    def acknowledge(self, device_id: str, back: list[int], checks_order: bool) -> None:
        seqs = tuple(self.model.seq - each for each in back)
        ack = Ack(device(device_id), self.epoch(), seqs, checks_order)
        [result] = self.run(self.queues["first"].acknowledge([ack]))
        assert result == self.model.acknowledge(device_id, seqs, checks_order)

    @rule(device_id=device_ids, back=st.integers(0, 5))
    def acknowledge_the_first_that_waits(self, device_id: str, back: int) -> None:
        box = self.model.read(device_id) or Box()
        seqs = tuple(stored.waiting.seq for stored in box.queue[:1])
        ack = Ack(device(device_id), self.epoch(), seqs, True)
        [result] = self.run(self.queues["first"].acknowledge([ack]))
        assert result == self.model.acknowledge(device_id, seqs, True)

    @rule(device_id=device_ids, back=seqs_back)
    def acknowledge_of_an_old_epoch(self, device_id: str, back: list[int]) -> None:
        seqs = tuple(self.model.seq - each for each in back)
        old = {"", *self.epochs} - {self.epoch()}
        acks = [Ack(device(device_id), epoch, seqs, True) for epoch in old]
        for result in self.run(self.queues["first"].acknowledge(acks)):
            assert result == Acknowledged(0)

    @rule(device_id=device_ids)
    def clear(self, device_id: str) -> None:
        removed = self.run(self.queues["first"].clear(device(device_id)))
        assert removed == self.model.clear(device_id)

    @rule(device_id=device_ids)
    def take_resync(self, device_id: str) -> None:
        reason = self.run(self.queues["first"].take_resync(device(device_id)))
        assert reason == self.model.take_resync(device_id)

    @rule(some=st.dictionaries(device_ids, messages_back), process=processes)
    def renew(self, some: dict[str, int], process: str) -> None:
        positions = {device(each): self.position(back) for each, back in some.items()}
        states = self.run(self.queues[process].renew(positions))
        for (known, position), state in zip(positions.items(), states, strict=True):
            device_id = known.id
            self.note_lost_state(device_id, position, state.epoch)
            is_known = self.model.renew(device_id, process)
            assert state._replace(waiting=0) == State(self.epoch(), self.model.seq, is_known)

    @rule(device_id=device_ids, process=processes)
    def release(self, device_id: str, process: str) -> None:
        self.run(self.queues[process].release(device(device_id)))
        self.model.release(device_id, process)

    @rule(ms=steps_ms)
    def advance(self, ms: int) -> None:
        self.clock.ms += ms
        self.model.advance(ms)

    @rule()
    def flush(self) -> None:
        self.run(self.redis().flushdb())
        self.model.flush()

    @rule()
    def save(self) -> None:
        self.saved = self.run(dump_all(self.redis())), copy.deepcopy(self.model)

    @rule()
    def take_back(self) -> None:
        """Redis restarts from an older file."""
        if self.saved is None:
            return
        keys, model = self.saved
        self.run(restore_all(self.redis(), keys))
        self.model = copy.deepcopy(model)
        self.model.advance(self.clock.ms - self.model.now)
        if self.model.has_epoch:
            self.epochs.append(self.run(self.read_epoch()))

    @rule()
    def index_as_1_0_0_does(self) -> None:
        """It indexes what it stores: here the last message of each queue."""
        self.run(index_last(self.redis()))

    @rule()
    def lose_the_scripts(self) -> None:
        self.run(self.redis().script_flush())


TestQueues = QueuesMachine.TestCase
TestQueues.settings = settings(max_examples=100, stateful_step_count=50)
