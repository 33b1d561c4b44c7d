"""Triton kernels that treat pointers as values."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

import triton
import triton.language as tl


@triton.jit
def by_lane(a, b, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    p = tl.where(i % 3 == 0, a + i, b + i)
    x = tl.load(p, mask=i < n, other=-1.0)
    tl.store(out + i, x)


@triton.jit
def by_program(a, b, out, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    p = a
    if pid % 2 == 1:
        p = b + pid
        tl.store(out + pid, 1.0)
    rows = i[:, None] * 4 + tl.arange(0, 4)[None, :]
    tl.store(out + 8 + pid, tl.sum(tl.sum(tl.load(p + rows), 1), 0))


@triton.jit
def swapped(a, b, out, n):
    for k in range(n + tl.program_id(0)):
        tl.store(out + tl.program_id(0) * 8 + k, tl.load(a))
        a, b = b, a


@triton.jit
def stored_by_choice(a, b, values, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = tl.where(i < BLOCK // 2, a + i, b + i)
    tl.store(p, tl.load(values + i), mask=i % 2 == 0)


@triton.jit
def joined(a, b, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    both = tl.join(a + i, b + i)
    p, q = tl.split(both)
    tl.store(out + i, tl.sum(tl.load(both), 1) + 10 * tl.load(q) + 0 * tl.load(p))


@triton.jit
def counted(a, b, found, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = tl.where(i % 2 == 0, a + i // 4, b + i // 4)
    old = tl.atomic_add(p, 1, mask=i < BLOCK - 1)
    tl.store(found + i, old)


@triton.jit
def swapped_in(a, b, found, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = tl.where(i % 2 == 0, a + 0 * i, b + 0 * i)
    tl.store(found + i, tl.atomic_cas(p, i // 2, i // 2 + 1))


@triton.jit
def through_numbers(a, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = (a.to(tl.int64) + 4 * i.to(tl.int64)).to(tl.pointer_type(tl.float32))
    tl.store(out + i, tl.load(p))


@triton.jit
def table(a, b, addresses, out):
    tl.store(addresses, a.to(tl.int64))
    tl.store(addresses + 1, b.to(tl.int64))
    for k in range(2):
        p = tl.load(addresses + k).to(tl.pointer_type(tl.float32))
        tl.store(out + k, tl.load(p + k))


@triton.jit
def alignment(a, b, out):
    tl.store(out, a.to(tl.int64) % 256)
    tl.store(out + 1, b.to(tl.int64) % 256)
    tl.store(out + 2, b.to(tl.int64) - a.to(tl.int64))
    tl.store(out + 3, a.to(tl.int64))


@triton.jit
def words(a, out, START: tl.constexpr):
    i = tl.arange(0, 4)
    p = (a + START).to(tl.pointer_type(tl.int64), bitcast=True)
    tl.store(out + i, tl.load(p + i))


@triton.jit
def guessed(a, b, out, address):
    p = address.to(tl.pointer_type(tl.float32))
    tl.store(out, tl.load(p))


@triton.jit
def chosen_descriptor(a, b, out, M, N):
    if tl.program_id(0) % 2 == 0:
        d = tl.make_tensor_descriptor(a, [M, N], [N, 1], [4, 8])
    else:
        d = tl.make_tensor_descriptor(b, [N, M], [M, 1], [4, 8])
    x = d.load([0, 0])
    i = tl.arange(0, 4)[:, None] * 8 + tl.arange(0, 8)[None, :]
    tl.store(out + tl.program_id(0) * 32 + i, x)
