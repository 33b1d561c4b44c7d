"""Kernels that only the executor's benchmark runs; the others it borrows from the tests."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

import triton
import triton.language as tl


@triton.jit
def rms_norm_backward(x, w, dy, dx, dw, rows, n, eps, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    mask = c < n
    weight = tl.load(w + c, mask=mask, other=0.0)
    partial = tl.zeros((BLOCK,), dtype=tl.float32)
    for row in range(pid * ROWS, min((pid + 1) * ROWS, rows)):
        v = tl.load(x + row * n + c, mask=mask, other=0.0)
        g = tl.load(dy + row * n + c, mask=mask, other=0.0)
        r = tl.rsqrt(tl.sum(v * v, axis=0) / n + eps)
        wg = weight * g
        tl.store(dx + row * n + c, r * (wg - v * (r * r * tl.sum(wg * v, axis=0) / n)), mask=mask)
        partial += g * v * r
    tl.store(dw + pid * n + c, partial, mask=mask)


@triton.jit
def convolution(
    x,
    w,
    out,
    pixels,
    H,
    W,
    C: tl.constexpr,
    K: tl.constexpr,
    R: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    """3x3-like convolution with padding as an implicit matrix product: rows are output pixels, depth is (C, R, R)."""
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    image, row, column = m // (H * W), m // W % H, m % W
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, C * R * R, BK):
        k = start + tl.arange(0, BK)
        channel, dr, dc = k // (R * R), k // R % R, k % R
        y = row[:, None] + dr[None, :] - R // 2
        z = column[:, None] + dc[None, :] - R // 2
        inside = (m[:, None] < pixels) & (k[None, :] < C * R * R) & (y >= 0) & (y < H) & (z >= 0) & (z < W)
        patch = tl.load(x + image[:, None] * C * H * W + channel[None, :] * H * W + y * W + z, mask=inside, other=0.0)
        weight = tl.load(w + n[None, :] * C * R * R + k[:, None], mask=(k[:, None] < C * R * R) & (n[None, :] < K))
        acc += tl.dot(patch, weight)
    where = out + image[:, None] * K * H * W + n[None, :] * H * W + (m % (H * W))[:, None]
    tl.store(where, acc, mask=(m[:, None] < pixels) & (n[None, :] < K))


@triton.jit
def top_k(x, values, indices, n, TOP: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    v = tl.load(x + row * n + c, mask=c < n, other=-float("inf"))
    for k in range(TOP):
        best, where = tl.max(v, axis=0, return_indices=True)
        tl.store(values + row * TOP + k, best)
        tl.store(indices + row * TOP + k, where)
        v = tl.where(c == where, -float("inf"), v)


@triton.jit
def histogram(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.atomic_add(out + tl.load(x + offs, mask=mask, other=0), 1, mask=mask, sem="relaxed")


@triton.jit
def persistent_sum(x, out, rows, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        tl.store(out + row, tl.sum(tl.load(x + row * n + c, mask=c < n, other=0.0), axis=0))


@triton.jit
def transpose(x, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    mask = (m[:, None] < M) & (n[None, :] < N)
    tile = tl.load(x + m[:, None] * N + n[None, :], mask=mask)
    tl.store(out + n[:, None] * M + m[None, :], tl.trans(tile), mask=(n[:, None] < N) & (m[None, :] < M))
