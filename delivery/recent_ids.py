"""The ids that came last, so that what comes more than once is taken once.

For `switchboard`. Imports nothing of the project.
"""

from collections import OrderedDict


class RecentIds:
    def __init__(self, kept: int) -> None:
        """`kept`: how many are remembered; then the one that came first is forgotten."""
        self._kept = kept
        self._ids: OrderedDict[str, None] = OrderedDict()

    def take(self, new_id: str) -> bool:
        """Remember an id; return whether it is new."""
        if new_id in self._ids:
            return False
        self._ids[new_id] = None
        if len(self._ids) > self._kept:
            self._ids.popitem(last=False)
        return True
