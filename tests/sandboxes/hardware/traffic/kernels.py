"""Kernels whose memory traffic is known."""

import triton
import triton.language as tl


@triton.jit
def product(
    a,
    b,
    c,
    rows,
    width,
    depth,
    tile_m: tl.constexpr,
    tile_n: tl.constexpr,
    tile_k: tl.constexpr,
    group_size: tl.constexpr,
    parts: tl.constexpr,
):
    """Tiles of a product, in groups of rows; with `parts` > 1, sums of parts of the depth meet in atomics."""
    pid = tl.program_id(0)
    columns = tl.cdiv(width, tile_n)
    group = pid // (group_size * columns)
    first = group * group_size
    size = min(tl.cdiv(rows, tile_m) - first, group_size)
    m = (first + (pid % (group_size * columns)) % size) * tile_m + tl.arange(0, tile_m)
    n = (pid % (group_size * columns)) // size * tile_n + tl.arange(0, tile_n)
    total = tl.zeros((tile_m, tile_n), tl.float32)
    for step in range(tl.program_id(1), depth // tile_k, parts):
        k = step * tile_k + tl.arange(0, tile_k)
        total += tl.dot(tl.load(a + m[:, None] * depth + k[None, :]), tl.load(b + k[:, None] * width + n[None, :]))
    if parts == 1:
        tl.store(c + m[:, None] * width + n[None, :], total)
    else:
        tl.atomic_add(c + m[:, None] * width + n[None, :], total)


@triton.jit
def strided_copy(x, y, n, stride: tl.constexpr, block: tl.constexpr):
    i = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(y + i, tl.load(x + i * stride, mask=i < n), mask=i < n)


@triton.jit
def twice(x, y, n, block: tl.constexpr):
    """Goes over its row twice."""
    row = tl.program_id(0) * n
    largest = -float("inf")
    for start in range(0, n, block):
        largest = tl.maximum(largest, tl.max(tl.load(x + row + start + tl.arange(0, block)), 0))
    for start in range(0, n, block):
        place = row + start + tl.arange(0, block)
        tl.store(y + place, tl.load(x + place) - largest)


@triton.jit
def histogram(x, bins, count, block: tl.constexpr):
    value = tl.load(x + tl.program_id(0) * block + tl.arange(0, block))
    tl.atomic_add(bins + value % count, 1)


@triton.jit
def lazy(x, y, busy, much, block: tl.constexpr):
    """One program in `busy` copies `much` as often as the others."""
    pid = tl.program_id(0)
    i = pid * block + tl.arange(0, block)
    times = tl.where(pid % busy == 0, much, 1)
    total = tl.zeros((block,), tl.float32)
    for step in range(times):
        total += tl.load(x + (i + step * 4097 * block) % (1 << 26))
    tl.store(y + i, total)


@triton.jit
def only_first(x, y, block: tl.constexpr):
    """Program 0 copies; the others end at once."""
    if tl.program_id(0) == 0:
        tl.store(y + tl.arange(0, block), tl.load(x + tl.arange(0, block)))


@triton.jit
def chase(x, y, n, steps, block: tl.constexpr):
    """Every address is where the last one led."""
    i = tl.program_id(0) * block + tl.arange(0, block)
    place = i.to(tl.int64)
    for _ in range(steps):
        place = tl.load(x + place % n)
    tl.store(y + i, place)


@triton.jit
def blur(x, y, height, width, rows: tl.constexpr, columns: tl.constexpr, reach: tl.constexpr):
    """Every pixel becomes the sum of those around it."""
    i = (tl.program_id(1) * rows + tl.arange(0, rows))[:, None]
    j = (tl.program_id(0) * columns + tl.arange(0, columns))[None, :]
    total = tl.zeros((rows, columns), tl.float32)
    for down in tl.static_range(-reach, reach + 1):
        for right in tl.static_range(-reach, reach + 1):
            inside = (i + down >= 0) & (i + down < height) & (j + right >= 0) & (j + right < width)
            total += tl.load(x + (i + down) * width + j + right, mask=inside, other=0.0)
    tl.store(y + i * width + j, total, mask=(i < height) & (j < width))
