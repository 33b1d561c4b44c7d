"""Which thread accesses which lane, as compiled, or as Triton usually does it where nobody looked at the code."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code, MemoryCode, Way
from sandboxes.hardware.code.guessing import guess
from sandboxes.hardware.code.layouts import warp_requests
from sandboxes.hardware.traffic.coalescing import Threads
from sandboxes.ttir.addresses.log import Operation

COPY_ENGINE_SINCE: Final = 90
"""Compute capability of NVIDIA's first GPU with tensor memory accelerators, Hopper; AMD has none."""


def compiled(operation: Operation, code: Code | None) -> MemoryCode | None:
    """Returns what the compiler made of `operation`, None if that is not known."""
    if code is None:
        return None
    frame = operation.location.user_frame()
    at = (frame.line, frame.column) if frame is not None else (0, 0)
    fitting = [
        memory
        for memory in code.memory
        if (memory.kind, memory.shape, memory.element_bytes)
        == (operation.kind, operation.shape, operation.element_bytes)
        and memory.line == at[0]
        and (memory.way is Way.TMA) <= operation.whole  # no gather borrows the copy engine of a tile on its line
    ]
    return min(fitting, key=lambda memory: abs(memory.column - at[1]), default=None)


def threads_of(
    operation: Operation, strides: Sequence[int | None], code: Code | None, resources: Resources, target: Target
) -> Threads:
    """Returns who accesses what in `operation`.

    Args:
        operation: Of the log.
        strides: Elements from lane to lane along each axis, None where there is no such number.
        code: The compiled kernel; None or an unknown layout: as `sandboxes.hardware.code.guessing.guess` says.
        resources: How many warps there are.
        target: How many threads a warp has.
    """
    warps = max(1, resources.threads // target.warp_size)
    known = compiled(operation, code)
    if _is_tile(operation, known, target):
        return Threads.of_tile(int(np.prod(operation.shape, dtype=np.int64)))
    if not operation.shape:
        return Threads.of_scalar(operation.kind, warps)
    if known is not None and known.lanes is not None:
        found = _placed(known, target.warp_size)
        if found is not None:
            return found
    return _guessed(operation, strides, warps, target.warp_size, seen=known is not None)


def _is_tile(operation: Operation, known: MemoryCode | None, target: Target) -> bool:
    """Returns whether a copy engine moves all of it; without one, descriptors compile to ordinary accesses."""
    if known is not None:
        return known.way is Way.TMA
    return operation.whole and target.backend == "cuda" and int(target.arch) >= COPY_ENGINE_SINCE


def read_share(accesses: Sequence[tuple[Operation, float]], code: Code | None) -> float:
    """Returns the share of bytes whose layout the compiled code tells, of operations with the bytes they ask for."""
    total = sum(amount for _, amount in accesses)
    if not total:
        return 1.0
    return sum(amount for operation, amount in accesses if _is_read(operation, code)) / total


def _is_read(operation: Operation, code: Code | None) -> bool:
    known = compiled(operation, code)
    has_lanes = known is not None and (known.lanes is not None or known.way is Way.TMA)
    return not operation.shape or has_lanes or (known is None and operation.whole)


def _placed(memory: MemoryCode, warp: int) -> Threads | None:
    assert memory.lanes is not None
    try:
        found = warp_requests(memory.lanes, memory.shape, warp, memory.vector)
    except ValueError:
        return None
    return Threads(lanes=found.reshape(found.shape[0], -1).numpy())


def _guessed(operation: Operation, strides: Sequence[int | None], warps: int, warp: int, *, seen: bool) -> Threads:
    """Returns what Triton would choose; every lane by itself where it would choose nothing that is known.

    Of compiled code that was `seen`, and not understood, nothing good is assumed: elements one by one.
    """
    try:
        usual = guess(operation.shape, strides, operation.element_bytes, warps=warps, warp_size=warp, aligned=not seen)
        found = warp_requests(usual.lanes, operation.shape, warp, usual.vector)
    except ValueError:
        elements = int(np.prod(operation.shape, dtype=np.int64))
        return Threads(lanes=np.arange(elements, dtype=np.int64)[:, None])
    return Threads(lanes=found.reshape(found.shape[0], -1).numpy())
