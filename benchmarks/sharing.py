"""What only the sanitizer's benchmark launches: kernels whose programs can't be proven to keep apart by intervals."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

import torch
import triton
import triton.language as tl

from benchmarks.workloads import F32, I32, Workload

N = 1 << 20


@triton.jit
def overlapping_tiles(x, out, STEP, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * STEP + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs) * 2.0)


@triton.jit
def partial_stores(x, keep, out, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs)
    kept = tl.load(keep + offs) != 0
    tl.store(out + offs, value, mask=kept)
    tl.store(out + offs, -value, mask=~kept)


@triton.jit
def relu_in_place(x, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + offs, tl.maximum(tl.load(x + offs), 0.0))


@triton.jit
def small_stores(out, STEPS):
    for step in range(STEPS):
        tl.store(out + (step * 7919) % 4096 * tl.num_programs(0) + tl.program_id(0), step)


@triton.jit
def shared_mean(x, mean, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(mean, tl.sum(tl.load(x + offs)) / BLOCK)
    at = tl.program_id(0) * BLOCK + offs
    tl.store(out + at, tl.load(x + at) - tl.load(mean))


def sharing() -> list[Workload]:
    """Returns all of them, with fresh tensors."""
    x = torch.randn(N, generator=torch.Generator().manual_seed(0))
    keep = torch.arange(N, dtype=torch.int32) % 3
    step, block = 896, 1024
    programs = (N - block) // step + 1
    covered = torch.zeros(N)
    covered[: (programs - 1) * step + block] = 2 * x[: (programs - 1) * step + block]
    tile, small = {"BLOCK": block}, torch.zeros(4096 * 8, dtype=torch.int32)
    last = torch.zeros(4096 * 8, dtype=torch.int32)
    for number in range(1000):
        at = number * 7919 % 4096 * 8
        last[at : at + 8] = number
    many = (N // block, 1, 1)
    return [
        Workload(
            "tiles that overlap by an eighth",
            overlapping_tiles,
            (F32, F32, "i32"),
            tile,
            (programs, 1, 1),
            [x, torch.zeros(N), step],
            1,
            covered,
        ),
        Workload(
            "two partial stores",
            partial_stores,
            (F32, I32, F32),
            tile,
            many,
            [x, keep, torch.zeros(N)],
            2,
            torch.where(keep != 0, x, -x),
        ),
        Workload("relu in place", relu_in_place, (F32,), tile, many, [x.clone()], 0, torch.zeros(N)),
        Workload("1,000 stores of 4 bytes", small_stores, (I32, "i32"), {}, (8, 1, 1), [small, 1000], 0, last),
        Workload(
            "a mean that all programs store",
            shared_mean,
            (F32, F32, F32),
            tile,
            many,
            [x, torch.zeros(1), torch.zeros(N)],
            2,
            x - x[:block].mean(),
        ),
    ]
