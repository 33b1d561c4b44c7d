"""Waves are what runs at once, and the sample stands for the grid."""

import pytest

from sandboxes.contracts import Resources
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.waves import choose_waves, programs_at_once, scattered

H200 = get_target("h200")


def resources(threads: int, occupancy: float) -> Resources:
    return Resources(
        registers=32, spill_bytes=0, shared_bytes=0, threads=threads, occupancy=occupancy, limited_by="nothing"
    )


def test_occupancy_says_how_many_programs_run_at_once() -> None:
    assert programs_at_once(H200, resources(128, 1.0)) == 16 * 132
    assert programs_at_once(H200, resources(256, 0.25)) == 2 * 132
    assert programs_at_once(H200, resources(1024, 0.0)) == 132
    assert programs_at_once(H200, resources(32, 1.0)) == 32 * 132


@pytest.mark.parametrize("total", [1, 7, 132, 133, 500, 528, 529, 12345])
@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("most", [None, 8])
def test_waves_stand_for_every_program_once(total: int, few: bool, most: int | None) -> None:
    waves = choose_waves(total, 132, 3, most=most, few=few)
    assert sum(wave.stands_for for wave in waves) == pytest.approx(total)
    ids = [program for wave in waves for program in wave.ids]
    assert len(set(ids)) == len(ids)
    assert min(ids) >= 0
    assert max(ids) < total
    assert all(wave.weight >= 1.0 - 1e-9 for wave in waves)


def test_few_waves_are_all_looked_at_and_of_many_the_first_two_in_a_row_and_the_last() -> None:
    assert [wave.programs for wave in choose_waves(500, 132, 0)] == [132, 132, 132, 104]
    first, one, two, last = choose_waves(100_000, 132, 0)
    assert (first.first, first.weight) == (0, 1.0)
    assert two.first == one.first + 132
    assert (two.follows, last.follows) == (True, False)
    assert last.first + last.programs == 100_000


def test_any_wave_may_be_drawn() -> None:
    drawn = {choose_waves(132 * 6, 132, seed)[1].first // 132 for seed in range(40)}
    assert drawn == {1, 2, 3}


def test_scattered_programs_lie_in_equal_parts_of_the_grid_wherever_the_seed_says() -> None:
    places = scattered(64_000, 64, 5)
    assert [place // 1000 for place in places] == list(range(64))
    assert places != scattered(64_000, 64, 6)
    assert scattered(3, 64, 0) == [0, 1, 2]
