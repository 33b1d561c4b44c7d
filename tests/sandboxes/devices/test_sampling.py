"""Samples of a grid: all over it, where nobody expects them."""

from collections import Counter

import pytest

from sandboxes.devices.sampling import SAMPLED_PROGRAMS, sampled_programs


def places(grid: tuple[int, int, int], seed: int) -> list[tuple[int, int, int]]:
    across, down, _ = grid
    return [(id_ % across, id_ // across % down, id_ // (across * down)) for id_ in sampled_programs(grid, seed)]


@pytest.mark.parametrize("grid", [(32, 64, 1), (64, 32, 1), (8, 8, 8), (1, 2048, 1), (1000, 1, 1), (2, 3, 640)])
@pytest.mark.parametrize("seed", range(5))
def test_every_part_of_every_axis_is_seen(grid: tuple[int, int, int], seed: int) -> None:
    for axis, size in enumerate(grid):
        seen = {place[axis] * SAMPLED_PROGRAMS // size for place in places(grid, seed)}
        assert len(seen) >= min(size, SAMPLED_PROGRAMS) - (size % SAMPLED_PROGRAMS != 0)


def test_a_sample_of_causal_attention_does_as_much_as_its_average_program() -> None:
    """Tile x of each of 64 heads sees x + 1 blocks of keys; steps in the linear id saw tile 0 only."""
    seen = [sum(x + 1 for x, _, _ in places((32, 64, 1), seed)) / SAMPLED_PROGRAMS for seed in range(20)]
    assert all(abs(each / 16.5 - 1) < 0.15 for each in seen)


@pytest.mark.parametrize("grid", [(9, 1, 1), (3, 3, 1), (2, 5, 1), (100, 1, 1), (3, 3, 3)])
def test_no_program_is_drawn_twice(grid: tuple[int, int, int]) -> None:
    for seed in range(20):
        drawn = sampled_programs(grid, seed)
        assert len(set(drawn)) == len(drawn) == SAMPLED_PROGRAMS
        assert drawn[0] >= 0
        assert drawn[-1] < grid[0] * grid[1] * grid[2]


@pytest.mark.parametrize("grid", [(0, 1, 1), (4, 0, 1), (1, 1, 1), (2, 2, 2), (8, 1, 1)])
def test_a_small_grid_is_sampled_as_a_whole(grid: tuple[int, int, int]) -> None:
    assert sampled_programs(grid, 0) == list(range(grid[0] * grid[1] * grid[2]))


def test_a_kernel_can_not_know_which_programs_are_drawn_and_none_is_safe() -> None:
    drawn = Counter(id_ for seed in range(2000) for id_ in sampled_programs((16, 16, 1), seed))
    expected = 2000 * SAMPLED_PROGRAMS / 256
    assert set(drawn) == set(range(256))
    assert max(abs(count / expected - 1) for count in drawn.values()) < 0.6
    assert sampled_programs((32, 64, 1), 1) == sampled_programs((32, 64, 1), 1) != sampled_programs((32, 64, 1), 2)
