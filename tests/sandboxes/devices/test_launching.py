"""A launch on the CPU: an empty grid does nothing, costs nothing and is no error."""

import time

import pytest
import torch

from sandboxes.contracts import Launch, Resources, TensorRef, Variant
from sandboxes.devices.launching import launch
from sandboxes.hardware.model import price_launch
from sandboxes.hardware.targets import get_target

TTIR = """module { tt.func public @k(%p: !tt.ptr<i32>) {
  %c1 = arith.constant 1 : i32
  %id = tt.get_program_id x : i32
  %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
  tt.store %q, %c1 : !tt.ptr<i32>
  tt.return } }"""

RESOURCES = Resources(
    registers=32, spill_bytes=0, shared_bytes=0, threads=128, occupancy=1.0, limited_by="nothing"
)  # fmt: skip


def node(grid: tuple[int, int, int]) -> Launch:
    """A launch that stores ones."""
    return Launch.model_validate(
        {
            "kernel": "k",
            "variants": (Variant(config="", ttir=TTIR, grid=grid, args=(TensorRef(id=0),), num_warps=4, num_stages=2),),
        }
    )


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("grid", [(0, 1, 1), (4, 0, 1), (4, 1, 0)])
def test_an_empty_grid_runs_nothing_and_costs_nothing(grid: tuple[int, int, int], sample: bool) -> None:
    memory = torch.zeros(4, dtype=torch.int32)
    launched = launch(0, node(grid), 0, {0: memory}, time.monotonic() + 60, count=True, sample=sample)
    assert launched.execution.programs == 0
    assert (launched.work.dram_bytes, launched.work.requested_bytes, launched.work.total_flops) == (0, 0, 0)
    assert price_launch(get_target("h200"), launched.work, RESOURCES, grid).time_us == 0
    assert memory.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("size", "programs"), [(1, 1), (3, 3), (100, 8)])
def test_a_sample_is_spread_over_the_grid_and_stands_for_all_of_it(size: int, programs: int) -> None:
    memory = torch.zeros(size, dtype=torch.int32)
    launched = launch(0, node((size, 1, 1)), 0, {0: memory}, time.monotonic() + 60, count=True, sample=True)
    assert launched.execution.programs == programs == int(memory.sum())
    assert launched.work.written_bytes == size * 4
