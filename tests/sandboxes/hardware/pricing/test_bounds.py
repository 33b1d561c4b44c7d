"""A price says what it is bound by, and which lines the time belongs to."""

from dataclasses import replace

import pytest

from sandboxes.contracts import Bound
from sandboxes.hardware.facts import LaunchFacts, SharedFacts
from sandboxes.hardware.pricing import price_launch
from tests.sandboxes.hardware.pricing.kernels import H200, access, attention, copy, launch, needs, product, transpose

BOUND = {
    Bound.DRAM: copy(2**28),
    Bound.L2: transpose(8192, tiled=False),
    Bound.SHARED: replace(copy(2**26), shared=(SharedFacts(line=5, bytes=2.0**28, conflicts=32.0),)),
    Bound.ATOMICS: launch([access("y", 2.0**24, kind="atomic", distinct=32, busiest_address=2.0**22)], 4096),
    Bound.COMPUTE: launch([access("x", 2.0**20)], 16_384, flops={"fp32": 2**38}),
    Bound.LATENCY: launch([access("x", 2.0**24, distinct=2**20)], 16_896, needs(32, 0, 32), rounds=512.0),
    Bound.OCCUPANCY: launch([access("x", 2.0**24)], 16, rounds=256.0),
    Bound.LAUNCH: copy(4096),
}


@pytest.mark.parametrize(("bound", "facts"), BOUND.items(), ids=[bound.value for bound in BOUND])
def test_every_bound_has_a_kernel(bound: Bound, facts: LaunchFacts) -> None:
    assert price_launch(H200, facts).bound is bound


def test_a_launch_that_fills_the_gpu_is_not_bound_by_occupancy() -> None:
    """The same programs, sixteen or enough for every slot: only the former leave most of the GPU empty."""
    few = launch([access("x", 2.0**24, distinct=2**20)], 16, rounds=256.0)
    many = launch([access("x", 2.0**24 * 132, distinct=2**20)], 16 * 132, rounds=256.0)
    assert price_launch(H200, few).bound is Bound.OCCUPANCY
    assert price_launch(H200, many).bound is not Bound.OCCUPANCY


def test_the_store_that_is_not_coalesced_gets_the_time() -> None:
    """Line 2 touches eight of nine sectors."""
    price = price_launch(H200, transpose(8192, tiled=False))
    assert price.lines_us[2] > 0.8 * price.time_us


def test_products_get_the_time_that_tensor_cores_take() -> None:
    price = price_launch(H200, attention(H200))
    lines = price.lines_us
    assert lines[3] == pytest.approx(lines[5])
    assert lines[3] + lines[5] > lines[2] + lines[4]
    facts = product(4096, (16, 16, 32))
    loads = price_launch(H200, facts).lines_us
    assert loads[1] + loads[2] > 5 * loads[3]


def test_bank_conflicts_are_charged_to_their_line() -> None:
    price = price_launch(H200, BOUND[Bound.SHARED])
    assert price.lines_us[5] > 0.8 * price.time_us


def test_starting_and_launching_belong_to_no_line() -> None:
    price = price_launch(H200, copy(4096))
    assert price.lines_us[0] >= H200.launch_overhead_us
