import torch
import triton
import triton.language as tl
from torch import nn

CAUSAL = False


@triton.jit
def forward_inner(
    acc, l_i, m_i, q, K, V, scale, start_m, offs_m, offs_n, offs_d,
    N: tl.constexpr, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, STAGE: tl.constexpr,
):  # fmt: skip
    """Stage 1 is left of the diagonal, stage 2 on it, stage 3 everything."""
    if STAGE == 1:
        lo, hi = 0, start_m * BLOCK_M
    elif STAGE == 2:
        lo, hi = start_m * BLOCK_M, (start_m + 1) * BLOCK_M
        lo = tl.multiple_of(lo, BLOCK_M)
    else:
        lo, hi = 0, N
    for start_n in tl.range(lo, hi, BLOCK_N):
        start_n = tl.multiple_of(start_n, BLOCK_N)
        k = tl.load(K + (start_n + offs_n)[None, :] * D + offs_d[:, None])
        qk = tl.dot(q, k)
        if STAGE == 2:
            qk = qk * scale + tl.where(offs_m[:, None] >= (start_n + offs_n)[None, :], 0, -1.0e6)
            m_ij = tl.maximum(m_i, tl.max(qk, 1))
            qk -= m_ij[:, None]
        else:
            m_ij = tl.maximum(m_i, tl.max(qk, 1) * scale)
            qk = qk * scale - m_ij[:, None]
        p = tl.math.exp2(qk)
        alpha = tl.math.exp2(m_i - m_ij)
        v = tl.load(V + (start_n + offs_n)[:, None] * D + offs_d[None, :])
        acc = tl.dot(p.to(v.dtype), v, acc * alpha[:, None])
        l_i = l_i * alpha + tl.sum(p, 1)
        m_i = m_ij
    return acc, l_i, m_i


@triton.jit
def forward_kernel(
    Q, K, V, M, Out, scale, N: tl.constexpr, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    STAGE: tl.constexpr,
):  # fmt: skip
    tl.static_assert(BLOCK_N <= BLOCK_M)
    start_m = tl.program_id(0)
    offset = tl.program_id(1).to(tl.int64) * N * D
    offs_m = start_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    m_i = tl.zeros([BLOCK_M], dtype=tl.float32) - float("inf")
    l_i = tl.zeros([BLOCK_M], dtype=tl.float32) + 1.0
    acc = tl.zeros([BLOCK_M, D], dtype=tl.float32)
    scale *= 1.44269504  # 1 / log(2)
    q = tl.load(Q + offset + offs_m[:, None] * D + offs_d[None, :])
    if STAGE & 1:
        acc, l_i, m_i = forward_inner(
            acc, l_i, m_i, q, K + offset, V + offset, scale, start_m, offs_m, offs_n, offs_d,
            N, D, BLOCK_M, BLOCK_N, 4 - STAGE,
        )  # fmt: skip
    if STAGE & 2:
        acc, l_i, m_i = forward_inner(
            acc, l_i, m_i, q, K + offset, V + offset, scale, start_m, offs_m, offs_n, offs_d,
            N, D, BLOCK_M, BLOCK_N, 2,
        )  # fmt: skip
    # l_i began at 1 with m_i = -inf, so the first alpha made it 0
    tl.store(M + tl.program_id(1) * N + offs_m, m_i + tl.math.log2(l_i))
    acc = acc / l_i[:, None]
    tl.store(Out + offset + offs_m[:, None] * D + offs_d[None, :], acc.to(Out.type.element_ty))


@triton.jit
def delta_kernel(Out, DO, Delta, N, BLOCK_M: tl.constexpr, D: tl.constexpr):
    rows = tl.program_id(1) * N + tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    offsets = rows[:, None] * D + tl.arange(0, D)[None, :]
    o = tl.load(Out + offsets).to(tl.float32)
    tl.store(Delta + rows, tl.sum(o * tl.load(DO + offsets).to(tl.float32), axis=1))


@triton.jit
def dkdv_inner(
    dk, dv, Q, k, v, DO, M, Delta, start_n, start_m, steps,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    offs_n = start_n + tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    tl.static_assert(BLOCK_N % BLOCK_M == 0)
    current = start_m
    for _ in range(steps):
        offs_m = current + tl.arange(0, BLOCK_M)
        qt = tl.load(Q + offs_m[None, :] * D + offs_d[:, None])
        pt = tl.math.exp2(tl.dot(k, qt) - tl.load(M + offs_m)[None, :])
        if MASK:
            pt = tl.where(offs_m[None, :] >= offs_n[:, None], pt, 0.0)
        do = tl.load(DO + offs_m[:, None] * D + offs_d[None, :])
        dv += tl.dot(pt.to(do.dtype), do)
        dst = pt * (tl.dot(v, tl.trans(do)).to(tl.float32) - tl.load(Delta + offs_m)[None, :])
        dk += tl.dot(dst.to(qt.dtype), tl.trans(qt))
        current += BLOCK_M
    return dk, dv


@triton.jit
def dq_inner(
    dq, q, K, V, do, m, delta, start_m, start_n, steps,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    offs_m = start_m + tl.arange(0, BLOCK_M)
    offs_d = tl.arange(0, D)
    current = start_n
    for _ in range(steps):
        offs_n = current + tl.arange(0, BLOCK_N)
        kt = tl.load(K + offs_n[None, :] * D + offs_d[:, None])
        vt = tl.load(V + offs_n[None, :] * D + offs_d[:, None])
        p = tl.math.exp2(tl.dot(q, kt) - m)
        if MASK:
            p = tl.where(offs_m[:, None] >= offs_n[None, :], p, 0.0)
        ds = p * (tl.dot(do, vt).to(tl.float32) - delta[:, None])
        dq += tl.dot(ds.to(kt.dtype), tl.trans(kt))
        current += BLOCK_N
    return dq


@triton.jit
def backward_kernel(
    Q, K, V, scale, DO, DQ, DK, DV, M, Delta, N, BLOCK_1: tl.constexpr, BLOCK_2: tl.constexpr, D: tl.constexpr,
    CAUSAL: tl.constexpr,
):  # fmt: skip
    """K holds the keys times scale / log(2). A program makes a block of dk and dv, and the same block of dq."""
    offset = tl.program_id(1).to(tl.int64) * N * D
    Q += offset
    K += offset
    V += offset
    DO += offset
    M += tl.program_id(1) * N
    Delta += tl.program_id(1) * N
    offs_d = tl.arange(0, D)

    start_n = tl.program_id(0) * BLOCK_2
    block = (start_n + tl.arange(0, BLOCK_2))[:, None] * D + offs_d[None, :]
    dv = tl.zeros([BLOCK_2, D], dtype=tl.float32)
    dk = tl.zeros([BLOCK_2, D], dtype=tl.float32)
    k = tl.load(K + block)
    v = tl.load(V + block)
    start_m = 0
    if CAUSAL:
        start_m = start_n
        masked: tl.constexpr = BLOCK_1 // 2
        dk, dv = dkdv_inner(
            dk, dv, Q, k, v, DO, M, Delta, start_n, start_m, BLOCK_2 // masked, D, masked, BLOCK_2, True
        )
        start_m += BLOCK_2
    steps = (N - start_m) // BLOCK_1
    dk, dv = dkdv_inner(dk, dv, Q, k, v, DO, M, Delta, start_n, start_m, steps, D, BLOCK_1, BLOCK_2, False)
    tl.store(DV + offset + block, dv)
    tl.store(DK + offset + block, dk * scale)

    start_m = tl.program_id(0) * BLOCK_2
    q = tl.load(Q + block)
    do = tl.load(DO + block)
    m = tl.load(M + start_m + tl.arange(0, BLOCK_2))[:, None]
    delta = tl.load(Delta + start_m + tl.arange(0, BLOCK_2))
    dq = tl.zeros([BLOCK_2, D], dtype=tl.float32)
    steps = N // BLOCK_1
    if CAUSAL:
        steps = start_m // BLOCK_1
        dq = dq_inner(dq, q, K, V, do, m, delta, start_m, start_m, BLOCK_2 // BLOCK_1, D, BLOCK_2, BLOCK_1, True)
    dq = dq_inner(dq, q, K, V, do, m, delta, start_m, 0, steps, D, BLOCK_2, BLOCK_1, False)
    tl.store(DQ + offset + block, dq * 0.6931471824645996)


class ModelNew(nn.Module):
    def forward(self, q, k, v, dy):
        batch, heads, length, width = q.shape
        scale = width**-0.5
        y = torch.empty_like(q)
        m = torch.empty((batch * heads, length), device=q.device, dtype=torch.float32)
        grid = (length // 64, batch * heads)
        forward_kernel[grid](q, k, v, m, y, scale, N=length, D=width, BLOCK_M=64, BLOCK_N=32, STAGE=3 if CAUSAL else 1)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        delta = torch.empty_like(m)
        delta_kernel[grid](y, dy, delta, length, BLOCK_M=64, D=width)
        keys = k * (scale * 1.4426950408889634)
        backward_kernel[grid](
            q, keys, v, scale, dy, dq, dk, dv, m, delta, length, BLOCK_1=32, BLOCK_2=64, D=width, CAUSAL=CAUSAL
        )
        return y, dq, dk, dv
