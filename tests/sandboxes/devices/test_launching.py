"""A launch on the CPU: an empty grid does nothing, costs nothing and is no error."""

import time

import pytest
import torch

from sandboxes.contracts import Launch, Resources, ScalarRef, TensorRef, Variant
from sandboxes.devices.launching import launch
from sandboxes.hardware.pricing import plain, price_launch
from sandboxes.hardware.targets import get_target
from sandboxes.replay import MalformedTrace, ValueOutOfRange

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
    assert price_launch(get_target("h200"), plain(launched.work, RESOURCES, grid)).time_us == 0
    assert memory.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("size", "programs"), [(1, 1), (3, 3), (100, 8)])
def test_a_sample_is_spread_over_the_grid_and_stands_for_all_of_it(size: int, programs: int) -> None:
    memory = torch.zeros(size, dtype=torch.int32)
    launched = launch(0, node((size, 1, 1)), 0, {0: memory}, time.monotonic() + 60, count=True, sample=True)
    assert launched.execution.programs == programs == int(memory.sum())
    assert launched.work.written_bytes == size * 4


SCALAR = """module { tt.func public @k(%p: !tt.ptr<TYPE>, %s: TYPE) {
  tt.store %p, %s : !tt.ptr<TYPE>
  tt.return } }"""


def stored(kind: str, number: torch.Tensor) -> float:
    """What a kernel stores that takes a number read back as its parameter of type `kind`."""
    variant = Variant.model_validate({
        "config": "", "ttir": SCALAR.replace("TYPE", kind), "grid": (1, 1, 1), "num_warps": 4, "num_stages": 1,
        "args": (TensorRef(id=0), ScalarRef(id=1)),
    })  # fmt: skip
    dtype = {"i1": torch.bool, "i32": torch.int32, "i64": torch.int64, "f32": torch.float32}[kind]
    memory = torch.zeros(1, dtype=dtype)
    values = {0: memory, 1: number}
    launch(0, Launch(kernel="k", variants=(variant,)), 0, values, time.monotonic() + 60, count=False)
    return memory.item()


def test_a_number_that_is_read_back_reaches_the_kernel() -> None:
    assert stored("i32", torch.tensor(2**31 - 1)) == 2**31 - 1
    assert stored("i32", torch.tensor(-(2**31))) == -(2**31)
    assert stored("i64", torch.tensor(2**62)) == 2**62
    assert stored("f32", torch.tensor(2.5, dtype=torch.float64)) == 2.5
    assert stored("f32", torch.tensor(3)) == 3.0
    assert stored("f32", torch.tensor(1e300, dtype=torch.float64)) == float("inf")
    assert stored("f32", torch.tensor(float("nan"), dtype=torch.float64)) != stored("f32", torch.tensor(0))


@pytest.mark.parametrize(("kind", "number"), [("i32", 2**31), ("i32", -(2**31) - 1), ("i1", 2)])
def test_a_number_that_does_not_fit_its_parameter_is_no_wrong_result(kind: str, number: int) -> None:
    with pytest.raises(ValueOutOfRange, match="`s` is"):
        stored(kind, torch.tensor(number))


@pytest.mark.parametrize("number", [0.5, float("nan"), float("inf"), 3.0])
def test_a_float_is_no_integer(number: float) -> None:
    with pytest.raises(MalformedTrace, match="no integer"):
        stored("i32", torch.tensor(number, dtype=torch.float64))


@pytest.mark.parametrize("value", [torch.tensor([1, 2]), torch.tensor(1.0), torch.tensor(True), torch.zeros(0)])
def test_what_was_not_read_back_is_no_number(value: torch.Tensor) -> None:
    with pytest.raises(MalformedTrace, match="no number that was read back"):
        stored("f32", value)


def test_a_number_is_no_pointer() -> None:
    pointer = SCALAR.replace("%s: TYPE", "%s: !tt.ptr<TYPE>").replace("%p, %s", "%p, %p").replace("TYPE", "f32")
    variant = Variant.model_validate({
        "config": "", "ttir": pointer, "grid": (1, 1, 1), "num_warps": 4, "num_stages": 1,
        "args": (TensorRef(id=0), ScalarRef(id=1)),
    })  # fmt: skip
    values = {0: torch.zeros(1), 1: torch.tensor(1)}
    with pytest.raises(MalformedTrace, match="number that is read back"):
        launch(0, Launch(kernel="k", variants=(variant,)), 0, values, time.monotonic() + 60, count=False)
