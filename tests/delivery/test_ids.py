from delivery.ids import FlakeIds


def test_id_holds_time_generator_and_sequence() -> None:
    flake = FlakeIds(generator_id=0b00010_00011, epoch_ms=1_000, clock_ms=lambda: 1_007)
    assert [flake(), flake()] == [7 << 22 | 67 << 12, 7 << 22 | 67 << 12 | 1]


def test_ids_increase_when_the_clock_steps_back() -> None:
    times = iter([5_000, 4_000, 5_001])
    flake = FlakeIds(clock_ms=lambda: next(times))
    first, second, third = flake(), flake(), flake()
    assert first < second < third


def test_full_millisecond_borrows_the_next_one() -> None:
    flake = FlakeIds(sequence_mask=3, clock_ms=lambda: 9)
    ids = [flake() for _ in range(9)]
    assert ids == sorted(set(ids))
    assert ids[4] == 10 << 22
