"""Small kernels for single operations, compiled by Triton's own frontend."""
# ruff: noqa: N803, RET505 - kernels in Triton's manner

import triton
import triton.language as tl


@triton.jit
def scaled(
    a, b, sa, sb, out, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, AF: tl.constexpr, BF: tl.constexpr,
    AR: tl.constexpr, AC: tl.constexpr, BR: tl.constexpr, BC: tl.constexpr, BLOCK: tl.constexpr,
    LEFT: tl.constexpr, RIGHT: tl.constexpr, AK: tl.constexpr, BK: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    x = tl.load(a + tl.arange(0, AR)[:, None] * AC + tl.arange(0, AC)[None, :])
    y = tl.load(b + tl.arange(0, BR)[:, None] * BC + tl.arange(0, BC)[None, :])
    i = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    k = tl.arange(0, K // BLOCK)[None, :]
    s = tl.load(sa + tl.arange(0, M)[:, None] * (K // BLOCK) + k) if LEFT else None
    t = tl.load(sb + tl.arange(0, N)[:, None] * (K // BLOCK) + k) if RIGHT else None
    r = tl.dot_scaled(x, s, AF, y, t, BF, acc=tl.load(out + i), lhs_k_pack=AK, rhs_k_pack=BK, fast_math=FAST)
    tl.store(out + i, r)


@triton.jit
def product(a, b, out, S: tl.constexpr, PRECISION: tl.constexpr, KIND: tl.constexpr):
    i = tl.arange(0, S)[:, None] * S + tl.arange(0, S)[None, :]
    tl.store(out + i, tl.dot(tl.load(a + i), tl.load(b + i), input_precision=PRECISION, out_dtype=KIND))


@triton.jit
def batched_product(a, b, out, B: tl.constexpr, S: tl.constexpr):
    i = tl.arange(0, B)[:, None, None] * S * S + tl.arange(0, S)[None, :, None] * S + tl.arange(0, S)[None, None, :]
    tl.store(out + i, tl.dot(tl.load(a + i), tl.load(b + i)))


@triton.jit
def _steps(x, y):
    steps = 0
    while x < y:
        x = x * 2 + 1
        steps += 1
    if steps > 3:
        steps = -steps
    return steps


@triton.jit
def mapped_steps(a, b, out, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, tl.map_elementwise(_steps, tl.load(a + i), tl.load(b + i)))


@triton.jit
def _ordered(x, y):
    if x < y:
        return x, y
    else:
        return y, x


@triton.jit
def mapped_pair(a, b, low, high, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x, y = tl.map_elementwise(_ordered, tl.load(a + i), tl.load(b + i))
    tl.store(low + i, x)
    tl.store(high + i, y)


@triton.jit
def _swapped(x0, x1, y0, y1):
    return x1 + y0, x0 - y1


@triton.jit
def mapped_pack(a, b, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    (r,) = tl.map_elementwise(_swapped, tl.load(a + i), tl.load(b + i), pack=2)
    tl.store(out + i, r)


@triton.jit
def _nearer_to_zero(x, y):
    steps = 0.0
    while (steps < tl.abs(x)) & (steps < tl.abs(y)):
        steps += 1.0
    return y if steps < tl.abs(x) else x


@triton.jit
def reduce_with_branch(x, out, M: tl.constexpr, N: tl.constexpr):
    row = tl.program_id(0) * M + tl.arange(0, M)
    v = tl.load(x + row[:, None] * N + tl.arange(0, N)[None, :])
    tl.store(out + row, tl.reduce(v, 1, _nearer_to_zero))


@triton.jit
def scan_with_branch(x, out, N: tl.constexpr, REVERSE: tl.constexpr):
    i = tl.program_id(0) * N + tl.arange(0, N)
    tl.store(out + i, tl.associative_scan(tl.load(x + i), 0, _nearer_to_zero, reverse=REVERSE))


@triton.jit
def _add(x, y):
    return x + y


@triton.jit
def _times(x, y):
    return x * y


@triton.jit
def sums(x, total, product, prefix, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    tl.store(total, tl.reduce(v, 0, _add))
    tl.store(product, tl.reduce(v, 0, _times))
    tl.store(prefix + tl.arange(0, N), tl.associative_scan(v, 0, _add))


@triton.jit
def extremes(x, out, index, N: tl.constexpr, LEFT: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    high, at_high = tl.max(v, 0, return_indices=True, return_indices_tie_break_left=LEFT)
    low, at_low = tl.min(v, 0, return_indices=True, return_indices_tie_break_left=LEFT)
    tl.store(out, high)
    tl.store(out + 1, low)
    tl.store(out + 2, tl.max(v, 0))
    tl.store(out + 3, tl.min(v, 0))
    tl.store(index, at_high)
    tl.store(index + 1, at_low)


@triton.jit
def counted(x, mask, out, N: tl.constexpr, BINS: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + tl.arange(0, BINS), tl.histogram(tl.load(x + i), BINS, mask=tl.load(mask + i) > 0))


@triton.jit
def gathered_rows(x, rows, out, column, M: tl.constexpr, N: tl.constexpr, R: tl.constexpr, C: tl.constexpr):
    d = tl.make_tensor_descriptor(x, [M, N], [N, 1], [1, C])
    v = d.gather(tl.load(rows + tl.arange(0, R)), column)
    tl.store(out + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :], v)


@triton.jit
def scattered_rows(x, rows, out, column, M: tl.constexpr, N: tl.constexpr, R: tl.constexpr, C: tl.constexpr):
    d = tl.make_tensor_descriptor(out, [M, N], [N, 1], [1, C])
    v = tl.load(x + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    d.scatter(v, tl.load(rows + tl.arange(0, R)), column)


@triton.jit
def reduced_block(x, out, M: tl.constexpr, N: tl.constexpr, KIND: tl.constexpr):
    d = tl.make_tensor_descriptor(out, [M, N], [N, 1], [8, 16])
    v = tl.load(x + tl.arange(0, 8)[:, None] * 16 + tl.arange(0, 16)[None, :])
    if KIND == "add":
        d.atomic_add([0, 0], v)
    elif KIND == "min":
        d.atomic_min([0, 0], v)
    elif KIND == "max":
        d.atomic_max([0, 0], v)
    elif KIND == "and":
        d.atomic_and([0, 0], v)
    elif KIND == "or":
        d.atomic_or([0, 0], v)
    else:
        d.atomic_xor([0, 0], v)


@triton.jit
def padded_block(x, out, M, N, PADDING: tl.constexpr):
    d = tl.make_tensor_descriptor(x, [M, N], [N, 1], [8, 16], padding_option=PADDING)
    tl.store(out + tl.arange(0, 8)[:, None] * 16 + tl.arange(0, 16)[None, :], d.load([-2, 4]))


@triton.jit
def atomics(x, index, mask, out, old, N: tl.constexpr, KIND: tl.constexpr):
    i = tl.arange(0, N)
    p = out + tl.load(index + i)
    v = tl.load(x + i)
    m = tl.load(mask + i) > 0
    if KIND == "add":
        r = tl.atomic_add(p, v, mask=m)
    elif KIND == "max":
        r = tl.atomic_max(p, v, mask=m)
    elif KIND == "min":
        r = tl.atomic_min(p, v, mask=m)
    elif KIND == "and":
        r = tl.atomic_and(p, v, mask=m)
    elif KIND == "or":
        r = tl.atomic_or(p, v, mask=m)
    elif KIND == "xor":
        r = tl.atomic_xor(p, v, mask=m)
    else:
        r = tl.atomic_xchg(p, v, mask=m)
    tl.store(old + i, r, mask=m)


@triton.jit
def swapped(x, expected, out, old, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(old + i, tl.atomic_cas(out + i % 4, tl.load(expected + i), tl.load(x + i)))


@triton.jit
def handed_on(flag, x, out, N: tl.constexpr):
    """Each program waits for the one before it."""
    p = tl.program_id(0)
    arrived = tl.atomic_poll(flag, p)
    i = tl.arange(0, N)
    v = tl.atomic_load(x + i, mask=i < 3)
    tl.atomic_store(x + i, v + p + arrived.to(tl.float32), mask=i < 5)
    tl.store(out + p * N + i, v)
    tl.atomic_store(flag, p + 1)


@triton.jit
def never(flag, out, LIMIT: tl.constexpr):
    tl.store(out, tl.atomic_poll(flag, 1, timeout_ns=LIMIT).to(tl.int32))


@triton.jit
def dependent(x, out, N: tl.constexpr):
    tl.extra.cuda.gdc_wait()
    i = tl.arange(0, N)
    v = tl.load(x + i)
    tl.extra.cuda.gdc_launch_dependents()
    tl.debug_barrier()
    tl.device_print("v", v)
    tl.assume(N > 0)
    tl.store(out + i, tl.fdiv(v, 3.0, approx=True) + tl.fdiv(v, 3.0, ieee_rounding=True))


@triton.jit
def converted(x, out, N: tl.constexpr, VIA: tl.constexpr, ROUNDING: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i).to(VIA, fp_downcast_rounding=ROUNDING))


@triton.jit
def widened(x, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i).to(out.dtype.element_ty))


@triton.jit
def clamped(x, low, high, out, N: tl.constexpr, KEEP: tl.constexpr):
    i = tl.arange(0, N)
    nan: tl.constexpr = tl.PropagateNan.ALL if KEEP else tl.PropagateNan.NONE
    v, a, b = tl.load(x + i), tl.load(low + i), tl.load(high + i)
    tl.store(out + i, tl.clamp(v, a, b, propagate_nan=nan))
    tl.store(out + N + i, tl.maximum(v, a, propagate_nan=nan))
    tl.store(out + 2 * N + i, tl.minimum(v, a, propagate_nan=nan))


@triton.jit
def fused(a, b, c, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.fma(tl.load(a + i), tl.load(b + i), tl.load(c + i)))


@triton.jit
def shifted(x, by, out, N: tl.constexpr):
    i = tl.arange(0, N)
    v, s = tl.load(x + i), tl.load(by + i)
    tl.store(out + i, v << s)
    tl.store(out + N + i, v >> s)
    tl.store(out + 2 * N + i, v // 7)
    tl.store(out + 3 * N + i, v % 7)
