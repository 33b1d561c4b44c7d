"""Kernels whose programs wait for each other, through memory."""

# ruff: noqa: N803, SIM108 - constexpr names are upper case by Triton's convention; branches are what is tested

import triton
import triton.language as tl


@triton.jit
def look_back(x, out, partial, ready, n, BLOCK: tl.constexpr):
    """A prefix sum in one pass: each program waits for the sum of all programs before it."""
    pid = tl.program_id(0)
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs, mask=offs < n, other=0)
    before = 0
    if pid > 0:
        while tl.atomic_add(ready + pid - 1, 0) == 0:
            pass
        before = tl.load(partial + pid - 1)
    tl.store(partial + pid, before + tl.sum(v))
    tl.atomic_xchg(ready + pid, 1)
    tl.store(out + offs, tl.cumsum(v, 0) + before, mask=offs < n)


@triton.jit
def stream_k(x, out, partial, ready, steps, share, BLOCK: tl.constexpr):
    """Programs take equal shares of all tiles' steps; who ends a tile adds what the programs before it left."""
    pid = tl.program_id(0)
    lanes = tl.arange(0, BLOCK)
    start = pid * share
    end = start + share
    while start < end:
        tile = start // steps
        last = tl.minimum((tile + 1) * steps, end)
        acc = tl.zeros((BLOCK,), tl.float32)
        for step in range(start, last):
            acc += tl.load(x + step * BLOCK + lanes)
        if last == (tile + 1) * steps:
            other = tile * steps // share
            while other < pid:
                while tl.load(ready + other, volatile=True) == 0:
                    pass
                acc += tl.load(partial + other * BLOCK + lanes)
                other += 1
            tl.store(out + tile * BLOCK + lanes, acc)
        else:
            tl.store(partial + pid * BLOCK + lanes, acc)
            tl.debug_barrier()
            tl.atomic_xchg(ready + pid, 1)
        start = last


@triton.jit
def wait_for_later(flags, out):
    pid = tl.program_id(0)
    while tl.atomic_add(flags + pid + 1, 0) == 0:
        pass
    tl.store(out + pid, pid)


@triton.jit
def last_one_sums(x, out, partial, ticket, BLOCK: tl.constexpr):
    """The program that draws the last ticket sums what all have left."""
    pid = tl.program_id(0)
    tl.store(partial + pid, tl.sum(tl.load(x + pid * BLOCK + tl.arange(0, BLOCK))))
    if tl.atomic_add(ticket, 1) == tl.num_programs(0) - 1:
        total = 0.0
        for other in range(tl.num_programs(0)):
            total += tl.load(partial + other)
        tl.store(out, total)


@triton.jit
def work_queue(x, out, ticket, n, BLOCK: tl.constexpr):
    """A persistent kernel: programs draw tiles until none is left."""
    lanes = tl.arange(0, BLOCK)
    tile = tl.atomic_add(ticket, 1)
    while tile < n:
        tl.store(out + tile * BLOCK + lanes, tl.load(x + tile * BLOCK + lanes) * 2)
        tile = tl.atomic_add(ticket, 1)


@triton.jit
def persistent(x, out, n, BLOCK: tl.constexpr):
    """Programs take every so manieth tile."""
    lanes = tl.arange(0, BLOCK)
    for tile in range(tl.program_id(0), n, tl.num_programs(0)):
        tl.store(out + tile * BLOCK + lanes, tl.load(x + tile * BLOCK + lanes) * 2)


@triton.jit(noinline=True)
def collatz_steps(n):
    if n < 1:
        return -1
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


@triton.jit
def divergent_calls(x, out):
    """Functions with an early return and a loop, called from a loop whose length differs."""
    pid = tl.program_id(0)
    total = 0
    for i in range(pid % 4):
        total += collatz_steps(tl.load(x + pid) - i)
        if total > 100:
            total = total - 1000
    tl.store(out + pid, total)
