"""Kernels whose addresses, loops and masks are of every kind."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

import triton
import triton.language as tl


@triton.jit
def walk(x, out, first, count, growth, inner, BLOCK: tl.constexpr):
    """Loops in loops: pointers and offsets move forward and backward, programs go round differently often."""
    pid = tl.program_id(0)
    lanes = tl.arange(0, BLOCK)
    ahead = x + pid * 3 + lanes
    behind = 4000 - pid
    for i in range(first, first + count + growth * pid, 2):
        value = tl.load(ahead)
        for j in range(0, inner):
            value += tl.load(x + behind + 5 * j + lanes)
        tl.store(out + i * BLOCK + lanes, value)
        ahead += BLOCK + 1
        behind -= 1
    tl.store(out + behind + lanes, tl.load(ahead))


@triton.jit
def columns(x, out, rows, width, BLOCK: tl.constexpr):
    """Rows whose last block is cut."""
    row = tl.program_id(0)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, width, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(x + row * width + at, mask=at < width, other=0.0)
    tl.store(out + row, tl.sum(total))


@triton.jit
def embed(index, table, out, width, BLOCK: tl.constexpr):
    """Rows that an index names."""
    row = tl.load(index + tl.program_id(0))
    for start in range(0, width, BLOCK):
        at = start + tl.arange(0, BLOCK)
        tl.store(out + tl.program_id(0) * width + at, tl.load(table + row * width + at))


@triton.jit
def ragged(lengths, x, out, BLOCK: tl.constexpr):
    """As many rounds as a loaded number says."""
    lanes = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for i in range(0, tl.load(lengths + tl.program_id(0))):
        total += tl.load(x + i * BLOCK + lanes)
    tl.store(out + tl.program_id(0) * BLOCK + lanes, total)


@triton.jit
def masked_by_values(flags, x, out, BLOCK: tl.constexpr):
    """Loads under a mask that was loaded, and in a branch that was."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=tl.load(flags + at) != 0, other=0)
    if tl.load(flags) > 5:
        value += tl.load(x + tl.arange(0, BLOCK))
    tl.store(out + at, value)


@triton.jit
def ticket(counter, x, out, BLOCK: tl.constexpr):
    """Each program takes the next block that nobody has."""
    at = tl.atomic_add(counter, 1) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(x + at))


@triton.jit
def shuffled(x, out, n, BLOCK: tl.constexpr):
    """Two offsets that change places, and one that wraps: no iteration can be told before those before it."""
    lanes = tl.arange(0, BLOCK)
    a, b, c = 0, 7, 1
    for _ in range(n):
        tl.store(out + c + lanes, tl.load(x + a + lanes) + tl.load(x + b + lanes))
        a, b, c = b, a + 1, (c * 5 + 3) % 64


@triton.jit
def tiles(x, out, M, N, stride, BM: tl.constexpr, BN: tl.constexpr):
    """A copy by tensor descriptors."""
    source = tl.make_tensor_descriptor(x, [M, N], [stride, 1], [BM, BN])
    target = tl.make_tensor_descriptor(out, [M, N], [stride, 1], [BM, BN])
    for n in range(0, N, BN):
        target.store([tl.program_id(0) * BM, n], source.load([tl.program_id(0) * BM, n]))
