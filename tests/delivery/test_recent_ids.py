"""The ids that came last."""

from delivery.recent_ids import RecentIds


def test_an_id_is_new_once_while_it_is_remembered() -> None:
    ids = RecentIds(2)
    came = ["1", "2", "3", "3", "2", "1", "1"]
    assert [each for each in came if ids.take(each)] == ["1", "2", "3", "1"]
