"""Who accesses what is read from the compiled code; what is not known there is never better than what is."""

from dataclasses import replace

import pytest

from sandboxes.contracts import Resources
from sandboxes.hardware.code.code import Code, Lanes, MemoryCode, Way
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.coalescing import Threads
from sandboxes.hardware.traffic.threads import compiled, threads_of
from sandboxes.ttir.addresses.log import Operation
from sandboxes.ttir.ir import Frame, Location

NEEDS = Resources(
    registers=32, spill_bytes=0, shared_bytes=0, threads=128, occupancy=1.0, limited_by="threads"
)  # fmt: skip
LOAD = Operation(
    kind="load", argument="x", location=Location(frames=(Frame("solution.py", 10, 4),)), element_bytes=4, shape=(1024,)
)
FOUND = MemoryCode(
    kind="load", line=10, column=4, shape=(1024,), element_bytes=4, way=Way.REGISTERS, vector=4,
    lanes=Lanes(size_per_thread=(4,), threads_per_warp=(32,), warps_per_block=(4,), order=(0,)),
)  # fmt: skip


def threads(operation: Operation, target: str = "h100", found: MemoryCode | None = None) -> Threads:
    code = Code(memory=(found,)) if found is not None else None
    strides: tuple[int | None, ...] = (32, 1)[-len(operation.shape) :]
    return threads_of(operation, strides, code, NEEDS, get_target(target))


def test_code_that_was_seen_and_not_understood_accesses_elements_one_by_one() -> None:
    read, unread = threads(LOAD, found=FOUND), threads(LOAD, found=replace(FOUND, lanes=None))
    assert read.lanes.shape == (8, 128)
    assert unread.lanes.shape == (32, 32)


def test_a_layout_that_fits_nothing_costs_a_request_for_each_element() -> None:
    odd = replace(LOAD, shape=(1000,))
    assert threads(odd).lanes.shape == (1000, 1)


def test_a_descriptor_is_a_tile_only_where_there_is_a_copy_engine() -> None:
    tile = replace(LOAD, shape=(32, 32), whole=True)
    assert threads(tile, "h100").lanes.shape == (1, 1024)
    for target in ("a100", "l40s", "mi300x"):
        assert threads(tile, target).lanes.shape[0] > 1
    ordinary = replace(
        FOUND, shape=(32, 32),
        lanes=Lanes(size_per_thread=(1, 1), threads_per_warp=(1, 32), warps_per_block=(4, 1), order=(1, 0)), vector=1,
    )  # fmt: skip
    assert threads(tile, "h100", ordinary).lanes.shape == (32, 32)
    assert threads(tile, "h100", replace(ordinary, way=Way.TMA, lanes=None)).lanes.shape == (1, 1024)


@pytest.mark.parametrize("whole", [True, False])
def test_only_a_tile_takes_the_copy_engine_also_where_nobody_knows_the_line(whole: bool) -> None:
    tile = MemoryCode(kind="load", line=0, column=0, shape=(64, 64), element_bytes=2, way=Way.TMA, lanes=None)
    operation = Operation(
        kind="load", argument="x", location=Location(), element_bytes=2, shape=(64, 64), whole=whole
    )  # fmt: skip
    assert (compiled(operation, Code(memory=(tile,))) is not None) is whole
