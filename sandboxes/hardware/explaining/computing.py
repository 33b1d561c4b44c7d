"""What would help a launch's arithmetic and its loops: units, tiles, loads ahead of their use, registers."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, prod
from typing import Final

from sandboxes.contracts import Remedy, Target
from sandboxes.hardware.explaining.change import placed
from sandboxes.hardware.explaining.memory import Remedied, repeated
from sandboxes.hardware.explaining.resizing import resized
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, Unit
from sandboxes.hardware.occupancy import occupancy

STAGES: Final = 3
"""Iterations in flight where loads overlap with arithmetic: Triton's own default for products."""
SMALLEST_TILE: Final = 16
"""Rows, columns and depth that every tensor core multiplies at least."""
GROUP_ROWS: Final = 64
"""Rows of a product of Hopper's and Blackwell's asynchronous tensor cores; four warps share them."""
GROUP_WARPS: Final = 4
REGISTER_STEP: Final = 8
"""Registers per thread are allocated in eights."""
REUSED: Final = 1.5
"""Requested over distinct bytes from which a load fetches what others have fetched: operands of a product."""


def computing_remedies(target: Target, facts: LaunchFacts, *, tf32: bool, looped: bool) -> Iterator[Remedied]:
    """Yields a launch on better units, with larger tiles, pipelined, without spills, or with higher occupancy.

    Args:
        target: The GPU.
        facts: Of the launch.
        tf32: Whether float32 products may round to TF32.
        looped: Whether it loads inside a loop.
    """
    yield from _on_tensor_cores(target, facts, tf32=tf32)
    yield from _larger_tiles(target, facts)
    if looped:
        yield from _pipelined(target, facts)
    if facts.resources.spill_bytes:
        resources = facts.resources.model_copy(update={"spill_bytes": 0})
        text = f"keep everything in registers: {facts.resources.spill_bytes} bytes per thread are spilled"
        yield Remedy.SPILLS, None, text, replace(facts, resources=resources)
    yield from _more_resident(target, facts)


def _on_tensor_cores(target: Target, facts: LaunchFacts, *, tf32: bool) -> Iterator[Remedied]:
    for line in dict.fromkeys(dot.line for dot in facts.dots):
        dots = tuple(_upgraded(target, facts, dot, tf32=tf32) if dot.line == line else dot for dot in facts.dots)
        if dots == facts.dots:
            continue
        before, after = next((old, new) for old, new in zip(facts.dots, dots, strict=True) if old != new)
        flops: dict[str, float] = dict(facts.work.flops)
        moved = {line: dict(counts) for line, counts in facts.lines.items()}
        for old, new in zip(facts.dots, dots, strict=True):
            if old.kind != new.kind:
                _move(flops, old.kind, new.kind, old.flops)
                _move(moved.get(line, {}), old.kind, new.kind, old.flops)
        changed = replace(
            facts,
            dots=dots,
            work=replace(facts.work, flops={kind: round(count) for kind, count in flops.items()}),
            lines=moved,
        )
        how = f"tensor cores ({after.unit})" if before.unit is Unit.FMA else f"{after.unit} instead of {before.unit}"
        kind = f" in {after.kind}" if after.kind != before.kind else ""
        text = f"run the product{placed(line)} on {how}{kind}"
        yield Remedy.TENSOR_CORES, line or None, text, changed


def _move(counts: dict[str, float], source: str, goal: str, count: float) -> None:
    """Takes operations from one kind to another, no more than there are."""
    moved = min(count, counts.get(source, 0.0))
    if moved > 0:
        counts[source] -= moved
        counts[goal] = counts.get(goal, 0.0) + moved


def _upgraded(target: Target, facts: LaunchFacts, dot: DotFacts, *, tf32: bool) -> DotFacts:
    """Returns the product on the best unit that the target has for it; as it is, where it is on that already."""
    kind = "tf32" if dot.kind == "fp32" and tf32 else dot.kind
    if kind not in ("tf32", "fp16", "bf16", "fp8", "int8") or min(dot.tile) < SMALLEST_TILE:
        return dot
    unit, instruction = best_unit(target, dot.tile, facts.resources.threads // target.warp_size)
    if unit is dot.unit and kind == dot.kind:
        return dot
    if dot.unit not in (Unit.FMA, Unit.MMA):
        return dot
    return replace(dot, unit=unit, kind=kind, instruction=instruction)


def best_unit(target: Target, tile: tuple[int, int, int], warps: int) -> tuple[Unit, tuple[int, int, int]]:
    """Returns what multiplies a tile on a GPU, and the size of one instruction (depth of 16-bit types)."""
    if target.backend != "cuda":
        return Unit.MFMA, (16, 16, 16)
    grouped = tile[0] >= GROUP_ROWS and warps >= GROUP_WARPS
    generation = int("".join(char for char in target.arch if char.isdigit()) or 0)
    if grouped and 90 <= generation < 100:
        return Unit.WGMMA, (GROUP_ROWS, min(tile[1], 256), 16)
    if grouped and 100 <= generation < 120:
        return Unit.TCGEN05, (min(tile[0], 128), min(tile[1], 256), 16)
    return Unit.MMA, (16, 8, 16)


def _larger_tiles(target: Target, facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields a product with twice the rows and columns per program, in twice the warps: every operand is loaded half
    as often. Shared memory doubles, and so do the accumulators of a thread (float32, part of its registers).
    """
    needs = facts.resources
    loads = [access for access in facts.accesses if _is_operand(access)]
    if not facts.dots or not loads or prod(facts.grid) < 4:
        return
    tile = max((dot.tile for dot in facts.dots), key=prod)
    resources = resized(
        target,
        needs,
        registers=needs.registers + tile[0] * tile[1] // max(needs.threads, 1),
        shared=2 * needs.shared_bytes,
        threads=2 * needs.threads,
    )
    if resources is None:
        return
    accesses = tuple(_halved(access) if _is_operand(access) else access for access in facts.accesses)
    saved = sum(access.requested_bytes for access in loads) / 2
    changed = replace(
        facts,
        grid=(ceil(prod(facts.grid) / 4), 1, 1),
        resources=resources,
        accesses=accesses,
        dots=tuple(replace(dot, tile=(2 * dot.tile[0], 2 * dot.tile[1], dot.tile[2])) for dot in facts.dots),
        shared=tuple(replace(each, bytes=each.bytes / 2) for each in facts.shared),
        work=replace(facts.work, requested_bytes=max(round(facts.work.requested_bytes - saved), 0)),
    )
    rows, columns = tile[0], tile[1]
    text = f"use tiles of {2 * rows}x{2 * columns} instead of {rows}x{columns} elements, with twice the warps"
    yield Remedy.TILES, None, text, changed


def _is_operand(access: AccessFacts) -> bool:
    return access.kind == "load" and access.requested_bytes > REUSED * access.distinct_bytes


def _halved(access: AccessFacts) -> AccessFacts:
    less = min(access.dram_bytes, max(access.distinct_bytes, access.dram_bytes / 2))
    return replace(repeated(access, 0.5), dram_bytes=less)


def _pipelined(target: Target, facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields the facts with loads of several iterations in flight, which takes shared memory for each."""
    now = facts.pipelined if facts.pipelined is not None else facts.num_stages
    if now >= STAGES:
        return
    needs = facts.resources
    shared = round(needs.shared_bytes * STAGES / max(now, 1))
    resources = resized(target, needs, registers=needs.registers, shared=shared, threads=needs.threads)
    if resources is None:
        return
    text = f"load {STAGES} iterations ahead (`tl.range(..., num_stages={STAGES})`; now {max(now, 1)})"
    changed = replace(facts, num_stages=max(STAGES, facts.num_stages), pipelined=STAGES, resources=resources)
    yield Remedy.PIPELINE, None, text, changed


def _more_resident(target: Target, facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields the facts with what one more program per multiprocessor leaves of registers or shared memory."""
    needs = facts.resources
    now = occupancy(target, needs.registers, needs.shared_bytes, needs.threads)
    if now.limited_by == "registers":
        for registers in range(_below(needs.registers), 0, -REGISTER_STEP):
            found = occupancy(target, registers, needs.shared_bytes, needs.threads)
            if found.blocks > now.blocks:
                more = _resident(now.blocks, found.blocks)
                text = f"use {registers} registers per thread instead of {needs.registers}: {more}"
                fewer = resized(target, needs, registers=registers, shared=needs.shared_bytes, threads=needs.threads)
                if fewer is not None:
                    yield Remedy.OCCUPANCY, None, text, replace(facts, resources=fewer)
                return
    elif now.limited_by == "shared memory":
        shared = target.shared_per_multiprocessor // (now.blocks + 1) - 1024
        fewer = None
        if 0 <= shared < needs.shared_bytes:
            fewer = resized(target, needs, registers=needs.registers, shared=shared, threads=needs.threads)
        if fewer is not None:
            found = occupancy(target, needs.registers, shared, needs.threads)
            text = (
                f"use {shared:,} bytes of shared memory per program instead of {needs.shared_bytes:,}: "
                f"{_resident(now.blocks, found.blocks)}"
            )
            yield Remedy.OCCUPANCY, None, text, replace(facts, resources=fewer)


def _below(registers: int) -> int:
    return (registers - 1) // REGISTER_STEP * REGISTER_STEP


def _resident(now: int, then: int) -> str:
    return f"{then} programs at a time on a multiprocessor instead of {now}"
