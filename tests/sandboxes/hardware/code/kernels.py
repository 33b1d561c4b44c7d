"""Kernels whose compiled code is well understood; compiled for several GPUs by `compiled.py`."""

import triton
import triton.language as tl


@triton.jit
def copy(x, y, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < n
    tl.store(y + at, tl.load(x + at, mask=inside), mask=inside)


@triton.jit
def softmax(x, y, stride, columns, block: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, block)
    inside = at < columns
    values = tl.load(x + row * stride + at, mask=inside, other=-float("inf"))
    powers = tl.exp(values - tl.max(values, 0))
    tl.store(y + row * stride + at, powers / tl.sum(powers, 0), mask=inside)


@triton.jit
def transpose(x, y, rows, columns, block: tl.constexpr):
    i = tl.program_id(0) * block + tl.arange(0, block)
    j = tl.program_id(1) * block + tl.arange(0, block)
    tile = tl.load(x + i[:, None] * columns + j[None, :])
    tl.store(y + j[:, None] * rows + i[None, :], tl.trans(tile))


@triton.jit
def matmul(a, b, c, m, n, k, tall: tl.constexpr, wide: tl.constexpr, deep: tl.constexpr, precision: tl.constexpr):
    rows = tl.program_id(0) * tall + tl.arange(0, tall)
    columns = tl.program_id(1) * wide + tl.arange(0, wide)
    depth = tl.arange(0, deep)
    left = a + rows[:, None] * k + depth[None, :]
    right = b + depth[:, None] * n + columns[None, :]
    total = tl.zeros((tall, wide), tl.float32)
    for _ in range(0, k, deep):
        total = tl.dot(tl.load(left), tl.load(right), total, input_precision=precision)
        left += deep
        right += deep * n
    tl.store(c + rows[:, None] * n + columns[None, :], total)


@triton.jit
def persistent_matmul(a, b, c, m, n, k, tall: tl.constexpr, wide: tl.constexpr, deep: tl.constexpr):
    """As many programs as there is room for; each goes over tiles."""
    columns = tl.cdiv(n, wide)
    for tile in range(tl.program_id(0), tl.cdiv(m, tall) * columns, tl.num_programs(0)):
        row = tile // columns * tall + tl.arange(0, tall)[:, None]
        column = tile % columns * wide + tl.arange(0, wide)[None, :]
        total = tl.zeros((tall, wide), tl.float32)
        for start in range(0, k, deep):
            left = tl.load(a + row * k + start + tl.arange(0, deep)[None, :])
            right = tl.load(b + (start + tl.arange(0, deep)[:, None]) * n + column)
            total = tl.dot(left, right, total)
        tl.store(c + row * n + column, total)


@triton.jit
def described_matmul(a, b, c, m, n, k, tall: tl.constexpr, wide: tl.constexpr, deep: tl.constexpr):
    left = tl.make_tensor_descriptor(a, [m, k], [k, 1], [tall, deep])
    right = tl.make_tensor_descriptor(b, [k, n], [n, 1], [deep, wide])
    out = tl.make_tensor_descriptor(c, [m, n], [n, 1], [tall, wide])
    row = tl.program_id(0) * tall
    column = tl.program_id(1) * wide
    total = tl.zeros((tall, wide), tl.float32)
    for at in range(0, k, deep):
        total = tl.dot(left.load([row, at]), right.load([at, column]), total)
    out.store([row, column], total.to(tl.float16))


@triton.jit
def attention(q, k, v, o, n, scale, block: tl.constexpr, chunk: tl.constexpr, depth: tl.constexpr):
    rows = tl.program_id(0) * block + tl.arange(0, block)
    lanes = tl.arange(0, depth)
    query = tl.load(q + rows[:, None] * depth + lanes[None, :])
    most = tl.full((block,), -float("inf"), tl.float32)
    weight = tl.zeros((block,), tl.float32)
    total = tl.zeros((block, depth), tl.float32)
    for start in range(0, n, chunk):
        keys = start + tl.arange(0, chunk)
        scores = tl.dot(query, tl.trans(tl.load(k + keys[:, None] * depth + lanes[None, :]))) * scale
        now = tl.maximum(most, tl.max(scores, 1))
        powers = tl.exp(scores - now[:, None])
        shrink = tl.exp(most - now)
        weight = weight * shrink + tl.sum(powers, 1)
        values = tl.load(v + keys[:, None] * depth + lanes[None, :])
        total = tl.dot(powers.to(tl.float16), values, total * shrink[:, None])
        most = now
    tl.store(o + rows[:, None] * depth + lanes[None, :], (total / weight[:, None]).to(tl.float16))


@triton.jit
def row_sums(x, y, columns, tall: tl.constexpr, wide: tl.constexpr):
    rows = tl.program_id(0) * tall + tl.arange(0, tall)
    total = tl.zeros((tall,), tl.float32)
    for start in range(0, columns, wide):
        at = start + tl.arange(0, wide)
        total += tl.sum(tl.load(x + rows[:, None] * columns + at[None, :], mask=at[None, :] < columns), 1)
    tl.store(y + rows, total)


@triton.jit
def histogram(x, y, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.atomic_add(y + tl.load(x + at, mask=at < n), 1, mask=at < n)


@triton.jit
def gather(index, table, y, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    scale = tl.load(table)
    tl.store(y + at, tl.load(table + tl.load(index + at)) * scale)


@triton.jit
def _twice(x):
    return tl.load(x) * 2


@triton.jit
def through_a_function(x, y, block: tl.constexpr):
    at = tl.arange(0, block)
    tl.store(y + at, _twice(x + at))


@triton.jit
def twice_over(x, y, z, n, stride, block: tl.constexpr):
    for start in range(0, n, block):
        at = start + tl.arange(0, block)
        tl.store(z + at, tl.load(x + at))
    for start in range(0, n, block):
        at = start * stride + tl.arange(0, block) + stride
        tl.store(z + at, tl.load(y + at))
