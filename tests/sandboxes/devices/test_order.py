"""Programs run in an order that no kernel can rely on, where it could tell the order."""

import time
from typing import Any

import pytest
import torch
import triton
import triton.language as tl

from sandboxes.contracts import Launch, TensorRef, Variant
from sandboxes.devices.launching import Launched, launch
from sandboxes.ttir import any_order, depends_on_order, group_size, parse
from tests.sandboxes.ttir import kernels, waiting
from tests.sandboxes.ttir.frontend import ttir_of

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention


@triton.jit
def share_of_total(x, total, out, BLOCK: tl.constexpr):
    """Wrong: nothing says that the total is complete when it is read."""
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs)
    tl.atomic_add(total, tl.sum(v))
    tl.store(out + offs, v / tl.atomic_add(total, 0.0))


@triton.jit
def handed_out(x, total, out, BLOCK: tl.constexpr):
    """Wrong: a prefix sum that takes atomics to be executed in the order of program ids."""
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs)
    tl.store(out + offs, tl.cumsum(v, 0) + tl.atomic_add(total, tl.sum(v)))


@triton.jit
def last_block(x, partial, count, out, BLOCK: tl.constexpr, PROGRAMS: tl.constexpr):
    """Right: whoever comes last, by a counter, adds what all have left."""
    pid = tl.program_id(0)
    tl.store(partial + pid, tl.sum(tl.load(x + pid * BLOCK + tl.arange(0, BLOCK))))
    if tl.atomic_add(count, 1) == PROGRAMS - 1:
        tl.store(out, tl.sum(tl.load(partial + tl.arange(0, PROGRAMS))))


def run(text: str, args: list[Any], programs: int, seed: int | None) -> Launched:
    references = tuple(TensorRef(id=i) if isinstance(a, torch.Tensor) else a for i, a in enumerate(args))
    variant = Variant(config="", ttir=text, grid=(programs, 1, 1), args=references, num_warps=4, num_stages=2)
    node = Launch(kernel="k", variants=(variant,))
    values = {i: a for i, a in enumerate(args) if isinstance(a, torch.Tensor)}
    return launch(0, node, 0, values, time.monotonic() + 60, count=False, seed=seed)


F3 = ("*fp32",) * 3


@pytest.mark.parametrize("kernel", [share_of_total, handed_out])
@pytest.mark.parametrize("programs", [2, 8, 64])
def test_a_kernel_that_relies_on_the_order_is_wrong(kernel: Any, programs: int) -> None:
    x = torch.rand(programs * 16, generator=torch.Generator().manual_seed(0))
    right = x / x.sum() if kernel is share_of_total else x.cumsum(0)
    results = []
    for seed in (None, 3):
        out = torch.zeros_like(x)
        launched = run(ttir_of(kernel, F3, BLOCK=16), [x, torch.zeros(1), out], programs, seed)
        assert launched.in_any_order is (seed is not None)
        results.append(torch.allclose(out, right, rtol=1e-4))
    assert results == [True, False]


@pytest.mark.parametrize("seed", range(4))
def test_a_kernel_that_counts_finished_programs_is_right_in_any_order(seed: int) -> None:
    x, out = torch.rand(32 * 16, generator=torch.Generator().manual_seed(0)), torch.zeros(1)
    text = ttir_of(last_block, ("*fp32", "*fp32", "*i32", "*fp32"), BLOCK=16, PROGRAMS=32)
    assert run(text, [x, torch.zeros(32), torch.zeros(1).int(), out], 32, seed).in_any_order
    torch.testing.assert_close(out[0], x.sum())


@pytest.mark.parametrize("seed", range(3))
def test_programs_that_wait_for_smaller_ids_run_by_id(seed: int) -> None:
    x = torch.arange(100, dtype=torch.int32) % 13
    out, partial, ready = torch.zeros(100).int(), torch.zeros(7).int(), torch.zeros(7).int()
    run(ttir_of(waiting.look_back, ("*i32",) * 4 + ("i32",), BLOCK=16), [x, out, partial, ready, 100], 7, seed)
    assert torch.equal(out, x.cumsum(0).int())


def test_only_kernels_that_can_tell_the_order_are_run_in_another() -> None:
    assert not depends_on_order(parse(ttir_of(kernels.atomic_sum, ("*fp32", "*fp32", "i32"), BLOCK=64)))
    assert not depends_on_order(parse(ttir_of(kernels.softmax, ("*fp32", "*fp32", "i32"), BLOCK=64)))
    assert depends_on_order(parse(ttir_of(share_of_total, F3, BLOCK=64)))
    assert depends_on_order(parse(ttir_of(waiting.stream_k, (*F3, "*i32", "i32", "i32"), BLOCK=16)))


@pytest.mark.parametrize("total", [0, 1, 2, 3, 17, 1000, 2**21])
def test_every_program_runs_once_and_not_in_the_order_of_ids(total: int) -> None:
    for seed in range(3):
        order = any_order(total, seed)
        assert sorted(order) == list(range(total))
        assert total < 2 or list(order) != list(range(total))
        assert list(order) == list(any_order(total, seed))
    assert group_size(total) >= 1
