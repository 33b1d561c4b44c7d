"""Triton kernels in the styles that candidates use; ``frontend.py`` turns them into TTIR."""

# ruff: noqa: N803, E741 - constexpr names are upper case by Triton's convention, m and l are flash attention's own

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def add_relu(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    a = tl.load(x + offs, mask=mask)
    b = tl.load(y + offs, mask=mask)
    tl.store(out + offs, tl.maximum(a + b, 0.0), mask=mask)


@triton.jit
def gelu_erf(x, bias, out, n, cols, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    v = tl.load(x + offs, mask=mask, other=0.0) + tl.load(bias + offs % cols, mask=mask, other=0.0)
    tl.store(out + offs, 0.5 * v * (1.0 + tl.math.erf(v * 0.7071067811865476)), mask=mask)


@triton.jit
def gelu_tanh(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    v = tl.load(x + offs, mask=mask, other=0.0)
    inner = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    tl.store(out + offs, 0.5 * v * (1.0 + libdevice.tanh(inner)), mask=mask)


@triton.jit
def row_sum(x, out, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        c = start + tl.arange(0, BLOCK)
        acc += tl.load(x + row * cols + c, mask=c < cols, other=0.0).to(tl.float32)
    tl.store(out + row, tl.sum(acc, axis=0))


@triton.jit
def softmax(x, y, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    v = tl.load(x + row * n + c, mask=c < n, other=-float("inf"))
    v = v - tl.max(v, axis=0)
    e = tl.exp(v)
    tl.store(y + row * n + c, e / tl.sum(e, axis=0), mask=c < n)


@triton.jit
def layernorm(x, w, b, y, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    mask = c < n
    v = tl.load(x + row * n + c, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(v, axis=0) / n
    d = tl.where(mask, v - mean, 0.0)
    rstd = 1 / tl.sqrt(tl.sum(d * d, axis=0) / n + eps)
    out = d * rstd * tl.load(w + c, mask=mask) + tl.load(b + c, mask=mask)
    tl.store(y + row * n + c, out, mask=mask)


@triton.jit
def rmsnorm(x, w, y, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    mask = c < n
    v = tl.load(x + row * n + c, mask=mask, other=0.0).to(tl.float32)
    r = tl.rsqrt(tl.sum(v * v, axis=0) / n + eps)
    tl.store(y + row * n + c, (v * r * tl.load(w + c, mask=mask)).to(y.dtype.element_ty), mask=mask)


@triton.jit
def matmul(a, b, c, M, N, K, sam, sak, sbk, sbn, scm, scn, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        rk = k + tl.arange(0, BK)
        x = tl.load(a + rm[:, None] * sam + rk[None, :] * sak, mask=(rm[:, None] < M) & (rk[None, :] < K), other=0.0)
        y = tl.load(b + rk[:, None] * sbk + rn[None, :] * sbn, mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0)
        acc += tl.dot(x, y)
    tl.store(c + rm[:, None] * scm + rn[None, :] * scn, acc, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def matmul_grouped(
    a,
    b,
    bias,
    c,
    M,
    N,
    K,
    sam,
    sak,
    sbk,
    sbn,
    scm,
    scn,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    GROUP: tl.constexpr,
):
    pid = tl.program_id(0)
    num_m = tl.cdiv(M, BM)
    num_n = tl.cdiv(N, BN)
    in_group = GROUP * num_n
    group = pid // in_group
    first = group * GROUP
    size = min(num_m - first, GROUP)
    pm = first + (pid % in_group) % size
    pn = (pid % in_group) // size
    rm = (pm * BM + tl.arange(0, BM)) % M
    rn = (pn * BN + tl.arange(0, BN)) % N
    rk = tl.arange(0, BK)
    ap = a + (rm[:, None] * sam + rk[None, :] * sak)
    bp = b + (rk[:, None] * sbk + rn[None, :] * sbn)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        x = tl.load(ap, mask=rk[None, :] < K - k * BK, other=0.0)
        y = tl.load(bp, mask=rk[:, None] < K - k * BK, other=0.0)
        acc = tl.dot(x, y, acc)
        ap += BK * sak
        bp += BK * sbk
    acc += tl.load(bias + rn)[None, :]
    acc = tl.where(acc > 0, acc, 0.0)
    om = pm * BM + tl.arange(0, BM)
    on = pn * BN + tl.arange(0, BN)
    out = acc.to(c.dtype.element_ty)
    tl.store(c + scm * om[:, None] + scn * on[None, :], out, mask=(om[:, None] < M) & (on[None, :] < N))


@triton.jit
def attention(q, k, v, o, T, scale, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr):
    pid = tl.program_id(0)
    base = tl.program_id(1) * T * D
    rm = pid * BM + tl.arange(0, BM)
    rd = tl.arange(0, D)
    qt = tl.load(q + base + rm[:, None] * D + rd[None, :], mask=rm[:, None] < T, other=0.0)
    m = tl.full((BM,), -float("inf"), dtype=tl.float32)
    l = tl.zeros((BM,), dtype=tl.float32)
    acc = tl.zeros((BM, D), dtype=tl.float32)
    for start in range(0, min((pid + 1) * BM, T), BN):
        rn = start + tl.arange(0, BN)
        kt = tl.load(k + base + rn[:, None] * D + rd[None, :], mask=rn[:, None] < T, other=0.0)
        s = tl.dot(qt, tl.trans(kt)) * scale
        s = tl.where((rm[:, None] >= rn[None, :]) & (rn[None, :] < T), s, -float("inf"))
        m_new = tl.maximum(m, tl.max(s, axis=1))
        p = tl.exp(s - m_new[:, None])
        alpha = tl.exp(m - m_new)
        l = l * alpha + tl.sum(p, axis=1)
        vt = tl.load(v + base + rn[:, None] * D + rd[None, :], mask=rn[:, None] < T, other=0.0)
        acc = acc * alpha[:, None] + tl.dot(p.to(vt.dtype), vt)
        m = m_new
    acc = acc / l[:, None]
    tl.store(o + base + rm[:, None] * D + rd[None, :], acc.to(o.dtype.element_ty), mask=rm[:, None] < T)


@triton.jit
def max_pool(x, out, H, W, OH, OW, n, KS: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    ow = offs % OW
    oh = (offs // OW) % OH
    plane = offs // (OW * OH)
    best = tl.full((BLOCK,), -float("inf"), tl.float32)
    for i in tl.static_range(KS):
        for j in range(KS):
            ih = oh * 2 + i - 1
            iw = ow * 2 + j - 1
            ok = mask & (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
            best = tl.maximum(best, tl.load(x + plane * H * W + ih * W + iw, mask=ok, other=-float("inf")))
    tl.store(out + offs, best, mask=mask)


@triton.jit
def cumulative(x, out, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    carry = 0.0
    for start in range(0, cols, BLOCK):
        c = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * cols + c, mask=c < cols, other=0.0)
        tl.store(out + row * cols + c, tl.cumsum(v, axis=0) + carry, mask=c < cols)
        carry += tl.sum(v, axis=0)


@triton.jit
def cross_entropy(logits, target, loss, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    t = tl.load(target + row)
    m = -float("inf")
    l = 0.0
    for start in range(0, cols, BLOCK):
        c = start + tl.arange(0, BLOCK)
        v = tl.load(logits + row * cols + c, mask=c < cols, other=-float("inf")).to(tl.float32)
        mn = tl.maximum(m, tl.max(v, 0))
        l = l * tl.exp(m - mn) + tl.sum(tl.exp(v - mn), 0)
        m = mn
    picked = tl.load(logits + row * cols + t).to(tl.float32)
    tl.store(loss + row, tl.log(l) + m - picked)


@triton.jit
def atomic_sum(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs, mask=offs < n, other=0.0)
    tl.atomic_add(out, tl.sum(v, axis=0))


@triton.jit
def histogram_atomic(x, out, ticket, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs, mask=offs < n, other=0)
    tl.atomic_add(out + v, 1, mask=offs < n, sem="relaxed")
    old = tl.atomic_add(ticket, 1)
    tl.atomic_max(ticket + 1, old)
    tl.atomic_cas(ticket + 2, 0, 7)
    tl.atomic_xchg(ticket + 3, 5)


@triton.jit
def argmax(x, out, values, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    v = tl.load(x + row * cols + c, mask=c < cols, other=-float("inf"))
    best, where = tl.max(v, axis=0, return_indices=True)
    tl.store(out + row, where)
    tl.store(values + row, best)


@triton.jit
def early_exit(x, out, limit, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    if pid >= limit:
        return
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs) if pid % 2 == 0 else -tl.load(x + offs)
    tl.store(out + offs, v)


@triton.jit
def collatz(x, out):
    pid = tl.program_id(0)
    v = tl.load(x + pid)
    steps = 0
    while v != 1:
        v = v // 2 if v % 2 == 0 else 3 * v + 1
        steps += 1
    tl.store(out + pid, steps)


@triton.jit
def combine_affine(a1, b1, a2, b2):
    return a2 * a1, a2 * b1 + b2


@triton.jit
def linear_scan(a, b, out, BLOCK: tl.constexpr, REVERSE: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    _, y = tl.associative_scan((tl.load(a + c), tl.load(b + c)), 0, combine_affine, reverse=REVERSE)
    tl.store(out + c, y)


@triton.jit
def welford(m1, s1, n1, m2, s2, n2):
    d = m2 - m1
    n = n1 + n2
    r = tl.where(n == 0.0, 0.0, n2 / n)
    return m1 + d * r, s1 + s2 + d * d * n1 * r, n


@triton.jit
def welford_rows(x, mean, var, cols, BM: tl.constexpr, BN: tl.constexpr):
    r = tl.program_id(0) * BM + tl.arange(0, BM)
    c = tl.arange(0, BN)
    ok = c[None, :] < cols
    v = tl.load(x + r[:, None] * cols + c[None, :], mask=ok, other=0.0)
    w = tl.broadcast_to(tl.where(ok, 1.0, 0.0), (BM, BN))
    m, s, n = tl.reduce((v, tl.zeros((BM, BN), tl.float32), w), 1, welford)
    tl.store(mean + r, m)
    tl.store(var + r, s / n)


@triton.jit(noinline=True)
def squared(v, scale):
    return v * v * scale


@triton.jit
def calls(x, out, scale, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs)
    tl.store(out + offs, v + squared(tl.max(v, 0), scale))


@triton.jit
def shapes(x, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    v = tl.load(x + offs)
    m = tl.reshape(v, (BLOCK // 4, 4))
    t = tl.trans(m)
    j = tl.join(v, v * 2.0)
    a, b = tl.split(j)
    k = tl.cat(a, b, can_reorder=True)
    f = tl.flip(v, 0)
    s = tl.sort(v)
    g = tl.gather(v, (offs * 3) % BLOCK, 0)
    i = tl.interleave(a, b)
    tl.store(out + tl.arange(0, BLOCK), tl.reshape(t, (BLOCK,)))
    tl.store(out + BLOCK + tl.arange(0, 2 * BLOCK), i + 0.0 * k)
    tl.store(out + 3 * BLOCK + offs, f)
    tl.store(out + 4 * BLOCK + offs, s)
    tl.store(out + 5 * BLOCK + offs, g)
    tl.store(out + 6 * BLOCK + offs, tl.histogram((v * 0.0).to(tl.int32), BLOCK).to(tl.float32))


@triton.jit
def math_zoo(x, out, n, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    m = o < n
    v = tl.load(x + o, mask=m, other=1.0)
    r = tl.exp2(v) + tl.log2(tl.abs(v) + 1.0) + tl.sin(v) + tl.cos(v) + tl.sqrt_rn(tl.abs(v)) + tl.floor(v)
    r += tl.ceil(v) + tl.sigmoid(v) + tl.fma(v, v, v) + tl.clamp(v, -0.5, 0.5) + tl.div_rn(v, 3.0)
    r += (
        libdevice.pow(tl.abs(v) + 0.5, v)
        + libdevice.expm1(v)
        + libdevice.log1p(tl.abs(v))
        + libdevice.rsqrt(tl.abs(v) + 1)
    )
    r += (
        libdevice.round(v)
        + libdevice.rint(v)
        + libdevice.trunc(v)
        + libdevice.atan2(v, v + 3.0)
        + libdevice.fmod(v, 0.7)
    )
    i = v.to(tl.int32)
    r += (i // 3 + i % 3 + (i << 2) + (i >> 1) + (i ^ 5) + (i | 3) + (i & 6)).to(tl.float32)
    r += tl.umulhi(i.to(tl.uint32), i.to(tl.uint32) * 77777).to(tl.float32) * 1e-9
    r += tl.where(libdevice.isnan(v) | libdevice.isinf(v), 0.0, 1.0) + tl.minimum(v, 0.3) + tl.maximum(v, 0.1)
    r += (
        v.to(tl.float16).to(tl.float32)
        + v.to(tl.bfloat16).to(tl.float32)
        + v.to(tl.int32, bitcast=True).to(tl.float32) * 1e-9
    )
    r += tl.rand(42, o) + tl.math.erf(v) + tl.extra.cuda.libdevice.tanh(v) + tl.xor_sum(i, 0) + tl.softmax(v)
    tl.device_assert(n > 0, "empty")
    tl.device_print("r", r)
    tl.store(out + o, r, mask=m)


@triton.jit
def dots(a, b, out, B: tl.constexpr, S: tl.constexpr):
    i = tl.arange(0, B)[:, None, None] * S * S + tl.arange(0, S)[None, :, None] * S + tl.arange(0, S)[None, None, :]
    x = tl.load(a + i)
    y = tl.load(b + i)
    tl.store(out + i, tl.dot(x, y, input_precision="ieee"))


@triton.jit
def inline_asm(x, out, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    v = tl.load(x + o)
    y = tl.inline_asm_elementwise("add.f32 $0, $1, $1;", "=f,f", [v], dtype=tl.float32, is_pure=True, pack=1)
    tl.store(out + o, y)


@triton.jit
def descriptors(x, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    a = tl.make_tensor_descriptor(x, [M, N], [N, 1], [BM, BN])
    b = tl.make_tensor_descriptor(out, [M, N], [N, 1], [BM, BN])
    pm = tl.program_id(0) * BM
    pn = tl.program_id(1) * BN
    b.store([pm, pn], a.load([pm, pn]) * 2.0)


@triton.jit
def block_pointers(x, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    a = tl.make_block_ptr(x, (M, N), (N, 1), (0, 0), (BM, BN), (1, 0))
    b = tl.make_block_ptr(out, (M, N), (N, 1), (0, 0), (BM, BN), (1, 0))
    for _ in range(0, tl.cdiv(N, BN)):
        v = tl.load(a, boundary_check=(0, 1), padding_option="zero")
        tl.store(b, v * 2.0, boundary_check=(0, 1))
        a = tl.advance(a, (0, BN))
        b = tl.advance(b, (0, BN))


@triton.jit
def int8_dot(a, b, out, S: tl.constexpr):
    i = tl.arange(0, S)[:, None] * S + tl.arange(0, S)[None, :]
    tl.store(out + i, tl.dot(tl.load(a + i), tl.load(b + i)))


@triton.jit
def random_numbers(out, BLOCK: tl.constexpr):
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + o, tl.rand(42, o))
