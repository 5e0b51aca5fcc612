"""When something is due, for many names at once, with no task and no timer for each.

A timer wheel with a slot for each second. Imports nothing of the project.
"""


class Wheel:
    """Names by the second in which they are due; to put, remove and take one is a look-up."""

    def __init__(self, now: float) -> None:
        self._second = int(now)  # up to which all has been taken
        self._slots: dict[int, dict[str, None]] = {}
        self._slot_of: dict[str, int] = {}

    def put(self, name: str, due_at: float) -> None:
        """Have it taken in the second after `due_at` begins, instead of when it was due."""
        self.remove(name)
        slot = max(int(due_at), self._second) + 1
        self._slots.setdefault(slot, {})[name] = None
        self._slot_of[name] = slot

    def remove(self, name: str) -> None:
        slot = self._slot_of.pop(name, None)
        if slot is None:
            return
        names = self._slots[slot]
        del names[name]
        if not names:
            del self._slots[slot]

    def take_due(self, now: float) -> list[str]:
        """Take out what is due by now, in order of the seconds."""
        due = [name for slot in range(self._second + 1, int(now) + 1) for name in self._take(slot)]
        self._second = max(self._second, int(now))
        return due

    def _take(self, slot: int) -> list[str]:
        names = list(self._slots.pop(slot, ()))
        for name in names:
            del self._slot_of[name]
        return names
