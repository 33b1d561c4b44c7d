"""Kernels that share memory between programs: some may, some must not. `test_sanitizer_*.py` says which is which."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention, and so are its branches

import triton
import triton.language as tl

# -- guilty ----------------------------------------------------------------------------------------------------------


@triton.jit
def store_own_id(out, SPREAD: tl.constexpr):
    tl.store(out + tl.program_id(0) // SPREAD, tl.program_id(0).to(tl.float32))


@triton.jit
def store_own_id_beside(out, beside, BLOCK: tl.constexpr):
    lanes = tl.arange(0, BLOCK)
    tl.store(out + lanes, tl.where(lanes == 0, beside, tl.program_id(0) + 1.0))


@triton.jit
def partial_sums_without_atomics(x, out, BLOCK: tl.constexpr):
    part = tl.sum(tl.load(x + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)))
    tl.store(out, part)


@triton.jit
def shift_in_place(x, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs + 1, mask=offs + 1 < n, other=0.0)
    tl.store(x + offs, value, mask=offs < n)


@triton.jit
def shift_in_place_back(x, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs - 1, mask=(offs >= 1) & (offs < n), other=0.0)
    tl.store(x + offs, value, mask=offs < n)


@triton.jit
def overlapping_tiles(x, out, M, N, BM: tl.constexpr, BN: tl.constexpr, STEP: tl.constexpr):
    rows = tl.program_id(0) * STEP + tl.arange(0, BM)
    columns = tl.program_id(1) * STEP + tl.arange(0, BN)
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    at = rows[:, None] * N + columns[None, :]
    tl.store(out + at, tl.load(x + at, mask=mask) + tl.program_id(0) + 7 * tl.program_id(1), mask=mask)


@triton.jit
def total_then_divide(x, total, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs, mask=offs < n, other=0.0)
    tl.atomic_add(total, tl.sum(value))
    tl.store(out + offs, value / tl.load(total), mask=offs < n)


@triton.jit
def clear_then_add(x, total, BLOCK: tl.constexpr):
    if tl.program_id(0) == 0:
        tl.store(total, 0.0)
    tl.atomic_add(total, tl.sum(tl.load(x + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK))))


@triton.jit
def scatter(index, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    where = tl.load(index + offs, mask=offs < n, other=0)
    tl.store(out + where, offs, mask=offs < n)


@triton.jit
def neighbour_of_a_shared_mean(x, mean, out, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    if pid > 0:
        tl.store(mean, tl.sum(tl.load(x + tl.arange(0, BLOCK))))
    tl.store(out + pid, tl.load(mean))


# -- innocent --------------------------------------------------------------------------------------------------------


@triton.jit
def clamped_tiles(x, out, n, BLOCK: tl.constexpr):
    start = tl.minimum(tl.program_id(0) * BLOCK, n - BLOCK)
    offs = start + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.exp(tl.load(x + offs)))


@triton.jit
def scale_in_place(x, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(x + offs, tl.load(x + offs, mask=mask) * 2.0, mask=mask)


@triton.jit
def add_views(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(out + offs, tl.load(x + offs, mask=mask) + tl.load(y + offs, mask=mask), mask=mask)


@triton.jit
def locked_sum(x, out, lock, BLOCK: tl.constexpr):
    part = tl.sum(tl.load(x + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)))
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    tl.store(out, tl.load(out) + part)
    tl.atomic_xchg(lock, 0)


@triton.jit
def last_program_sums(x, parts, counter, out, PROGRAMS: tl.constexpr, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    tl.store(parts + pid, tl.sum(tl.load(x + pid * BLOCK + tl.arange(0, BLOCK))))
    if tl.atomic_add(counter, 1) == PROGRAMS - 1:
        tl.store(out, tl.sum(tl.load(parts + tl.arange(0, PROGRAMS))))
        tl.store(counter, 0)


@triton.jit
def flagged_neighbour(x, out, flags, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    total = tl.sum(tl.load(x + pid * BLOCK + tl.arange(0, BLOCK)))
    if pid > 0:
        while tl.atomic_cas(flags + pid - 1, 1, 1) == 0:
            pass
        total += tl.load(out + pid - 1)
    tl.store(out + pid, total)
    tl.atomic_xchg(flags + pid, 1)


@triton.jit
def stencil(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    left = tl.load(x + offs - 1, mask=(offs >= 1) & (offs < n), other=0.0)
    right = tl.load(x + offs + 1, mask=offs + 1 < n, other=0.0)
    tl.store(out + offs, left + right, mask=offs < n)


@triton.jit
def several_stores(out, N, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    tl.store(out + row * N + columns, 0.0, mask=columns < N)
    for start in range(0, N, 8):
        tl.store(out + row * N + start + tl.arange(0, 8), start * 1.0, mask=start + tl.arange(0, 8) < N)
    tl.store(out + row * N, -1.0)


@triton.jit
def redundant_accumulation(x, out, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for step in range(STEPS):
        total += tl.load(x + step * BLOCK + tl.arange(0, BLOCK))
        tl.store(out + tl.arange(0, BLOCK), total)


@triton.jit
def strided_programs(x, out, n, BLOCK: tl.constexpr):
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        offs = start + tl.arange(0, BLOCK)
        tl.store(out + offs, tl.load(x + offs, mask=offs < n) + 1.0, mask=offs < n)


@triton.jit
def copy_columns(x, out, rows, N, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK) * N + tl.program_id(0)
    mask = tl.arange(0, BLOCK) < rows
    tl.store(out + offs, tl.load(x + offs, mask=mask), mask=mask)


@triton.jit
def copy_tiles(x, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    at = rows[:, None] * N + columns[None, :]
    tl.store(out + at, tl.load(x + at, mask=mask), mask=mask)


@triton.jit
def many_small_stores(out, STEPS):
    for step in range(STEPS):
        tl.store(out + (step * 7919) % 4096 * tl.num_programs(0) + tl.program_id(0), step)


@triton.jit
def store_what_is_there(m, y):
    tl.store(m, 2.0)
    tl.store(y + tl.program_id(0), tl.load(m))


@triton.jit
def redundant_mean(x, mean, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(mean, tl.sum(tl.load(x + offs)) / BLOCK)
    tl.store(out + tl.program_id(0) * BLOCK + offs, tl.load(x + offs) - tl.load(mean))


# -- either ----------------------------------------------------------------------------------------------------------


@triton.jit
def play(memory, script, seen, STEPS, WIDTH: tl.constexpr):
    """Per program and step: what to do (1 stores, 2 loads), from which element on, and the value."""
    lanes = tl.arange(0, WIDTH)
    for step in range(STEPS):
        at = tl.program_id(0) * STEPS + step
        action, element, value = tl.load(script + 3 * at), tl.load(script + 3 * at + 1), tl.load(script + 3 * at + 2)
        tl.store(memory + element + lanes, value, mask=(action == 1) & (lanes >= 0))
        found = tl.load(memory + element + lanes, mask=(action == 2) & (lanes >= 0), other=0)
        tl.store(seen + at * WIDTH + lanes, found)


# -- descriptors -----------------------------------------------------------------------------------------------------


@triton.jit
def copy_with_descriptors(x, out, M, N, stride, shift, BM: tl.constexpr, BN: tl.constexpr):
    source = tl.make_tensor_descriptor(x + shift, [M, N], [stride, 1], [BM, BN])
    rows = tl.program_id(0) * BM
    columns = tl.arange(0, BN)
    value = source.load([rows, 0])
    tl.store(out + (rows + tl.arange(0, BM))[:, None] * BN + columns[None, :], value)


@triton.jit
def shift_at_indices(index, x, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = tl.load(index + offs, mask=offs < n, other=0)
    there = tl.load(index + offs + 1, mask=offs + 1 < n, other=0)
    tl.store(x + here, tl.load(x + there, mask=offs < n) + 1.0, mask=offs < n)


@triton.jit
def shift_beside_bytes(x, n, BLOCK: tl.constexpr):
    first = tl.load(x.to(tl.pointer_type(tl.int8), bitcast=True)).to(tl.float32)
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs + 1, mask=offs + 1 < n, other=0.0)
    tl.store(x + offs, value + first * 0, mask=offs < n)


@triton.jit
def store_own_id_then_bytes(out, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), tl.program_id(0) + tl.zeros((BLOCK,), tl.float32))
    tl.store(out.to(tl.pointer_type(tl.int8), bitcast=True) + 4 * BLOCK, 1)
