"""What a node leaves in the L2 cache the next one finds, as far as the cache reaches; touching memory gains nothing."""

import pytest

from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing.programs import ProgramPrices
from sandboxes.hardware.residency import USABLE, Residency
from sandboxes.hardware.routine import PLAIN
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work

MIB = 2**20
H200 = get_target("h200")


def test_a_program_starts_with_an_empty_cache() -> None:
    assert Residency(100 * MIB).found({0: MIB}, {}) == {}


def test_what_was_written_is_found() -> None:
    cache = Residency(100 * MIB)
    cache.use({}, {0: 10 * MIB})
    assert cache.found({0: 10 * MIB}, {}) == {0: 10 * MIB}


def test_what_was_used_least_recently_goes_first() -> None:
    cache = Residency(100 * MIB)
    for storage in range(4):
        cache.use({storage: 30 * MIB}, {})
    assert cache.found({0: 30 * MIB}, {}) == {}
    assert cache.found({3: 30 * MIB}, {}) == {3: 30 * MIB}


def test_of_a_tensor_larger_than_the_cache_some_stays_and_less_the_larger_it_is() -> None:
    shares = []
    for size in (80, 100, 120, 150, 400):
        cache = Residency(100 * MIB)
        cache.use({0: size * MIB}, {})
        shares.append(cache.found({0: size * MIB}, {}).get(0, 0.0) / (size * MIB))
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0.0


def test_who_reads_a_part_of_a_tensor_finds_the_share_that_is_there() -> None:
    cache = Residency(100 * MIB, sizes={0: 180 * MIB})
    cache.use({0: 180 * MIB}, {})
    assert cache.found({0: 10 * MIB}, {})[0] == pytest.approx(10 * MIB * 100 * USABLE / 180)


def node(number: int, reads: dict[int, float], writes: dict[int, float]) -> ProgramNode:
    read, written = int(sum(reads.values())), int(sum(writes.values()))
    work = Work(read_bytes=read, written_bytes=written, requested_bytes=read + written)
    return ProgramNode(node=number, name="add", live=True, call=work, routine=PLAIN, reads=reads, writes=writes)


def times(*nodes: ProgramNode) -> list[float]:
    return [found.price.time_us for found in ProgramPrices(H200)(nodes)]


def test_a_node_whose_input_the_node_before_has_just_written_is_faster() -> None:
    first, second = node(0, {0: 16 * MIB}, {1: 16 * MIB}), node(1, {1: 16 * MIB}, {2: 16 * MIB})
    assert times(first, second)[1] < 0.8 * times(second)[0]


@pytest.mark.parametrize("size", [1, 8, 20, 40, 60, 100])
def test_touching_memory_first_never_makes_a_program_faster(size: int) -> None:
    work = node(1, {0: size * MIB}, {1: size * MIB})
    touch = node(0, {0: size * MIB}, {2: 4.0})
    assert sum(times(touch, work)) > sum(times(work))
