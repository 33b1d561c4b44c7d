"""Kernels that show one thing each, for `traced.py`."""

import triton
import triton.language as tl


@triton.jit
def strided_copy(x, y, stride, block: tl.constexpr):
    at = (tl.program_id(0) * block + tl.arange(0, block)) * stride
    tl.store(y + at, tl.load(x + at))


@triton.jit
def tall_transpose(x, y, rows, columns, tall: tl.constexpr):
    """A column of `tall` elements by each program: each in a sector of its own."""
    i = tl.program_id(0) * tall + tl.arange(0, tall)
    j = tl.program_id(1)
    tl.store(y + j * rows + i, tl.load(x + i * columns + j))


@triton.jit
def total(x, y, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.atomic_add(y, tl.sum(tl.load(x + at), 0))


@triton.jit
def every_element(x, y, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.atomic_add(y + at * 0, tl.load(x + at))


@triton.jit
def split_matmul(a, b, c, n, k, deep: tl.constexpr, size: tl.constexpr):
    """A part of the depth by each program along z, added to the result."""
    rows = tl.program_id(0) * size + tl.arange(0, size)
    columns = tl.program_id(1) * size + tl.arange(0, size)
    whole = k * tl.num_programs(2)
    depth = tl.program_id(2) * k + tl.arange(0, deep)
    left = a + rows[:, None] * whole + depth[None, :]
    right = b + depth[:, None] * n + columns[None, :]
    found = tl.zeros((size, size), tl.float32)
    for _ in range(0, k, deep):
        found = tl.dot(tl.load(left), tl.load(right), found)
        left += deep
        right += deep * n
    tl.atomic_add(c + rows[:, None] * n + columns[None, :], found)
