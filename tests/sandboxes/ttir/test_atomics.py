"""Atomic operations: every kind and type, with masks, duplicates and the values that they found."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from sandboxes.ttir import Access, UnsupportedOperation, accesses, parse
from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.versions import needs

N = 16
KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "max": max,
    "min": min,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "xchg": lambda a, b: b,
}
WHOLE = (torch.int32, torch.int64, torch.uint32, torch.uint64)
CASES = [
    *((kind, dtype) for kind in KINDS for dtype in WHOLE),
    *((kind, dtype) for kind in ("add", "max", "min", "xchg") for dtype in (torch.float32, torch.float64)),
    ("add", torch.float16),
    ("add", torch.bfloat16),
]


def _values(dtype: torch.dtype) -> torch.Tensor:
    if dtype.is_floating_point:
        return (torch.arange(N) * 7 % 13 - 6).to(dtype) / 4
    values = [(i * 7919) % 1000 for i in range(N)]
    values[3] = values[9] = torch.iinfo(dtype).max - 5  # large if it has no sign, and wraps when added
    return torch.tensor(values, dtype=dtype)


@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_an_atomic_operation_works_in_the_order_of_the_lanes(kind: str, dtype: torch.dtype) -> None:
    x, index = _values(dtype), (torch.arange(N) * 5 % 4).int()
    if dtype.is_floating_point and kind in ("max", "min"):
        x = x.abs()  # Triton updates with the positive values first, then with the negative ones
    mask = (torch.arange(N) % 5 != 2).int()
    out = torch.tensor([3, 0, 500, 7], dtype=dtype)
    memory = [torch.tensor(v, dtype=dtype) for v in out.tolist()]
    expected_old = [0] * N
    bits = dtype.itemsize * 8
    for i in range(N):
        if mask[i]:
            place = int(index[i])
            expected_old[i] = memory[place].item()
            new = KINDS[kind](memory[place].item(), x[i].item())
            if not dtype.is_floating_point:
                new %= 2**bits
                new -= 2**bits if new > torch.iinfo(dtype).max else 0
            memory[place] = torch.tensor(new, dtype=dtype)
    old = torch.zeros(N, dtype=dtype)
    run(zoo.atomics, x, index, mask, out, old, N=N, KIND=kind)
    assert out.tolist() == [m.item() for m in memory]
    assert old.tolist() == expected_old


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_half_precision_sum_is_rounded_at_every_addition(dtype: torch.dtype) -> None:
    x, index = torch.full((N,), 1.0, dtype=dtype), torch.zeros(N, dtype=torch.int32)
    big = 2048.0 if dtype == torch.float16 else 256.0
    out, old = torch.tensor([big, 0, 0, 0], dtype=dtype), torch.zeros(N, dtype=dtype)
    run(zoo.atomics, x, index, torch.ones(N, dtype=torch.int32), out, old, N=N, KIND="add")
    assert out[0] == big  # one is half a unit in the last place there


def test_signs_of_zero_and_nan_survive_float_extremes() -> None:
    x = torch.tensor([-1.0, torch.inf, -torch.inf, 5.0] * 4)
    index = torch.arange(N, dtype=torch.int32) % 4
    out, old = torch.tensor([-2.0, 0.0, 3.0, -0.0]), torch.zeros(N)
    run(zoo.atomics, x, index, torch.ones(N, dtype=torch.int32), out, old, N=N, KIND="max")
    assert out.tolist() == [-1.0, torch.inf, 3.0, 5.0]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint32, torch.float32, torch.float64, torch.float16])
def test_compare_and_swap_compares_one_lane_after_the_other(dtype: torch.dtype) -> None:
    x = torch.arange(10, 10 + N).to(dtype)
    expected = torch.tensor([0, 1, 2, 9] * 2 + [10, 11, 12, 13] * 2).to(dtype)
    out, old = torch.arange(4).to(dtype), torch.zeros(N, dtype=dtype)
    memory, found = [0, 1, 2, 3], []
    for i in range(N):
        found.append(memory[i % 4])
        if memory[i % 4] == expected[i].item():
            memory[i % 4] = int(x[i].item())
    run(zoo.swapped, x, expected, out, old, N=N)
    assert out.tolist() == memory
    assert old.tolist() == found


def test_compare_and_swap_compares_bits() -> None:
    x, expected = torch.full((N,), 7.0), torch.tensor([torch.nan, 0.0, 1.0, 2.0] * 4)
    out, old = torch.tensor([torch.nan, -0.0, 1.0, 3.0]), torch.zeros(N)
    run(zoo.swapped, x, expected, out, old, N=N)
    assert out[0] == 7.0
    assert out.tolist()[1:] == [0.0, 7.0, 3.0]
    assert torch.signbit(out[1])


@needs("tt.atomic_poll")
def test_programs_hand_values_on_through_atomic_loads_stores_and_polls() -> None:
    flag, x, out = torch.zeros(1, dtype=torch.int32), torch.arange(8.0), torch.zeros(4, 8)
    start = x.clone()
    text = run(zoo.handed_on, flag, x, out, grid=(4, 1, 1), N=8)
    assert {f"tt.atomic_{name}" in text for name in ("load", "store", "poll")} == {True}
    for program in range(4):
        expected = torch.where(torch.arange(8) < 3, start, 0.0)
        assert torch.equal(out[program], expected)
        start = torch.where(torch.arange(8) < 5, expected + program + 1, start)
    assert torch.equal(x, start)
    assert flag.item() == 4
    facts = accesses(parse(text))
    assert facts["flag"] == Access(reads=True, writes=True)
    assert facts["x"] == Access(reads=True, writes=True)
    assert facts["out"] == Access(writes=True)


@needs("tt.atomic_poll")
def test_a_poll_gives_up_when_its_time_is_up() -> None:
    flag, out = torch.zeros(1, dtype=torch.int32), torch.full((1,), 9, dtype=torch.int32)
    run(zoo.never, flag, out, LIMIT=100)
    assert out.item() == 0
    run(zoo.never, torch.ones(1, dtype=torch.int32), out, LIMIT=100)
    assert out.item() == 1


@needs("tt.atomic_poll")
def test_a_poll_without_a_limit_for_a_value_that_never_comes_is_unsupported() -> None:
    with pytest.raises(UnsupportedOperation, match="waits for a program with a larger id"):
        run(zoo.never, torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int32), LIMIT=None)


@needs("tt.grid_dependency_wait", "tt.approx_divf")
def test_programmatic_launches_and_hints_have_no_effect_on_values() -> None:
    x, out = torch.arange(8.0), torch.zeros(8)
    text = ttir_of(zoo.dependent, ("*fp32", "*fp32"), N=8)
    for name in ("tt.grid_dependency_wait", "tt.grid_dependency_launch_dependents", "ttg.barrier", "tt.print"):
        assert name in text
    run(zoo.dependent, x, out, N=8)
    assert torch.equal(out, x / 3 + x / 3)
