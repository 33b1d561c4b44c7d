"""Triton kernels that hold much."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

import triton
import triton.language as tl


@triton.jit
def tiles(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    total = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        x = tl.load(a + m[:, None] * K + (start + k)[None, :], mask=(m < M)[:, None], other=0.0)
        y = tl.load(b + (start + k)[:, None] * N + n[None, :], mask=(n < N)[None, :], other=0.0)
        total = tl.dot(x, y, total)
    tl.store(c + m[:, None] * N + n[None, :], total, mask=(m < M)[:, None] & (n < N)[None, :])


@triton.jit
def long_rows(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    row = tl.load(x + tl.program_id(0) * n + i, mask=i < n, other=0.0)
    centred = tl.where(i < n, row - tl.sum(row, 0) / n, 0.0)
    scaled = centred * tl.rsqrt(tl.sum(centred * centred, 0) / n + 1e-5)
    tl.store(out + tl.program_id(0) * n + i, scaled, mask=i < n)


@triton.jit
def sorted_rows(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    row = tl.sort(tl.load(x + tl.program_id(0) * BLOCK + i))
    tl.store(out + tl.program_id(0) * BLOCK + i, tl.cumsum(row, 0))


@triton.jit
def endless(x):
    value = tl.load(x)
    while value >= 0:
        value = (value + 1) % 1000003
    tl.store(x, value)


@triton.jit
def nested(x, n):
    total = tl.load(x)
    for i in range(n):
        for j in range(n):
            total += i * j
    tl.store(x, total)


@triton.jit
def exchanged(lock, found, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(found + i, tl.atomic_xchg(lock + 0 * i, i))


@triton.jit
def reread(x, y):
    value = tl.load(x)
    while value < 5:
        value = tl.load(x)
    tl.store(y, value)


@triton.jit
def walked(x, y, out, n):
    pointer = x
    if tl.program_id(0) == 1:
        pointer = y
    while tl.load(pointer) < n:
        pointer += 1
    tl.store(out + tl.program_id(0), tl.load(pointer))
