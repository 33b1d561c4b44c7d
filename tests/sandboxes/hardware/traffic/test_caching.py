"""The L2 cache keeps what was used last."""

import numpy as np
import pytest

from sandboxes.hardware.traffic.caching import Traffic, simulate
from sandboxes.hardware.traffic.events import Events
from sandboxes.hardware.traffic.rectangles import FULL

SECTOR = 32.0


def events(uses: np.ndarray, covered: int = FULL, shared: bool = False) -> Events:
    """Single sectors: `uses[time, sector]` says which are used when."""
    atom, time = (found.astype(np.int64) for found in np.nonzero(uses.T))
    ones = np.ones(atom.size)
    return Events(atom, time, SECTOR * ones, ones * shared > 0, ones, np.full(atom.size, covered, dtype=np.int64))


def naive(uses: np.ndarray, stores: np.ndarray, sectors: int) -> tuple[float, float]:
    """Bytes read and written by a cache of some sectors that looks at every single use."""
    read = written = 0.0
    last: dict[int, int] = {}
    dirty: set[int] = set()
    for time in range(uses.shape[0]):
        for sector in np.flatnonzero(uses[time]).tolist():
            since = uses[last[sector] + 1 : time + 1].any(axis=0).sum() if sector in last else sectors + 1
            if since > sectors:
                written += SECTOR * (sector in dirty)
                dirty.discard(sector)
                read += 0.0 if stores[time] else SECTOR
            if stores[time]:
                dirty.add(sector)
        last |= dict.fromkeys(np.flatnonzero(uses[time]).tolist(), time)
    return read, written + SECTOR * len(dirty)


def total(traffic: Traffic) -> tuple[float, float]:
    return float(traffic.read.sum()), float(traffic.written.sum())


@pytest.mark.parametrize("seed", range(20))
def test_hits_and_writes_are_those_of_a_cache_that_drops_what_was_used_longest_ago(seed: int) -> None:
    random = np.random.default_rng(seed)
    uses = random.random((int(random.integers(2, 40)), int(random.integers(1, 30)))) < random.random() / 2
    uses[0, 0] = True
    stores = random.random(uses.shape[0]) < 0.4
    for sectors in (1, 3, 8, 30):
        found = simulate(events(uses), ~stores, stores, sectors * SECTOR)
        assert total(found) == naive(uses, stores, sectors)


@pytest.mark.parametrize("seed", range(10))
def test_a_larger_cache_never_has_more_traffic_and_none_has_less_than_every_sector_once(seed: int) -> None:
    random = np.random.default_rng(seed)
    uses = random.random((60, 40)) < 0.2
    stores = random.random(60) < 0.3
    partly = events(uses, covered=int(random.integers(FULL)))
    moved = [sum(total(simulate(partly, ~stores, stores, sectors * SECTOR))) for sectors in range(1, 45)]
    assert moved == sorted(moved, reverse=True)
    assert moved[-1] >= SECTOR * np.count_nonzero(uses.any(axis=0))


def test_what_is_stored_again_and_again_is_written_back_once() -> None:
    stores = np.ones(10, dtype=np.bool_)
    assert total(simulate(events(np.ones((10, 4), dtype=np.bool_)), ~stores, stores, 1000.0)) == (0.0, 4 * SECTOR)


def test_a_sector_is_read_before_it_is_written_in_part_but_not_if_the_rest_comes_in_time() -> None:
    stores = np.ones(2, dtype=np.bool_)
    halves = events(np.array([[True], [True]]))
    halves.covered[:] = [0x0000FFFF, 0xFFFF0000]
    assert total(simulate(halves, ~stores, stores, 1000.0)) == (0.0, SECTOR)
    halves.covered[:] = 0x0000FFFF
    assert total(simulate(halves, ~stores, stores, 1000.0)) == (SECTOR, SECTOR)


def test_what_all_programs_read_is_in_both_partitions_and_takes_twice_the_room() -> None:
    uses = np.ones((2, 10), dtype=np.bool_)
    loads = np.ones(2, dtype=np.bool_)
    room = 15 * SECTOR
    assert total(simulate(events(uses), loads, ~loads, room, copies=2)) == (10 * SECTOR, 0.0)
    assert total(simulate(events(uses, shared=True), loads, ~loads, room, copies=2)) == (20 * SECTOR, 0.0)


def test_longer_kernels_than_there_are_steps_of_time_still_find_what_fits() -> None:
    loads = np.ones(5000, dtype=np.bool_)
    again = np.zeros((5000, 50), dtype=np.bool_)
    again[np.arange(5000), np.arange(5000) % 50] = True
    assert total(simulate(events(again), loads, ~loads, 60 * SECTOR)) == (50 * SECTOR, 0.0)
    assert total(simulate(events(again), loads, ~loads, 5 * SECTOR)) == (5000 * SECTOR, 0.0)
