"""Kernels that would gain if the hardware model looked away, and what they are tried with."""

import triton
import triton.language as tl


@triton.jit
def through_scratch(index, scratch, table, out, block: tl.constexpr):
    """A gather whose addresses are memory's only once it runs."""
    here = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(scratch + here, tl.load(index + here))
    tl.store(out + here, tl.load(table + tl.load(scratch + here)))


@triton.jit
def gather(index, table, out, block: tl.constexpr):
    here = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(out + here, tl.load(table + tl.load(index + here)))


@triton.jit
def hidden_columns(x, y, width, busy, turns, block: tl.constexpr):
    """Reads a column of `x` in one iteration of many, and eight neighbours in every other one."""
    row, lane = tl.program_id(0), tl.arange(0, block)
    for turn in range(turns):
        now = turn == busy
        place = tl.where(now, lane * width + row, row * width + lane)
        value = tl.load(x + place, mask=now | (lane < 8))
        tl.store(y + row * block + lane, value, mask=now)


@triton.jit
def chase(x, y, steps: tl.constexpr):
    place = tl.program_id(0).to(tl.int64)
    for _ in tl.static_range(steps):
        place = tl.load(x + place)
    tl.store(y + tl.program_id(0), place)


@triton.jit
def as_often_as_told(x, y, often, block: tl.constexpr):
    here = tl.program_id(0) * block + tl.arange(0, block)
    value = tl.load(x + here)
    for _ in range(tl.load(often)):
        value = tl.exp(value)
    tl.store(y + here, value)


@triton.jit
def two_loops(x, y, out, few, many, block: tl.constexpr):
    lane = tl.arange(0, block)
    total = tl.zeros((block,), tl.float32)
    for step in range(few):
        total += tl.load(x + step * block + lane)
    for step in range(many):
        total += tl.load(y + step * block + lane)
    tl.store(out + lane, total)


@triton.jit
def scalars(x, out, steps):
    total = 0.0
    for step in range(steps):
        total += tl.load(x + step)
    tl.store(out, total)


@triton.jit
def product(a, b, c, size: tl.constexpr):
    m, n = tl.arange(0, size)[:, None], tl.arange(0, size)[None, :]
    tl.store(c + m * size + n, tl.dot(tl.load(a + m * size + n), tl.load(b + m * size + n)))
