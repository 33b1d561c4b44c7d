"""Which thread accesses which lane, as compiled, or as Triton usually does it where nobody looked at the code."""

from collections.abc import Sequence

import numpy as np

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code, MemoryCode, Way
from sandboxes.hardware.code.guessing import guess
from sandboxes.hardware.code.layouts import warp_requests
from sandboxes.hardware.traffic.coalescing import Threads
from sandboxes.ttir.addresses.log import Operation


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
    if operation.whole or (known is not None and known.way is Way.TMA):
        return Threads.of_tile(int(np.prod(operation.shape, dtype=np.int64)))
    if not operation.shape:
        return Threads.of_scalar(operation.kind, warps)
    if known is not None and known.lanes is not None:
        found = _placed(known, target.warp_size)
        if found is not None:
            return found
    return _guessed(operation, strides, warps, target.warp_size)


def read_share(accesses: Sequence[tuple[Operation, float]], code: Code | None) -> float:
    """Returns the share of bytes whose layout the compiled code tells, of operations with the bytes they ask for."""
    total = sum(amount for _, amount in accesses)
    if not total:
        return 1.0
    return sum(amount for operation, amount in accesses if _is_read(operation, code)) / total


def _is_read(operation: Operation, code: Code | None) -> bool:
    known = compiled(operation, code)
    has_lanes = known is not None and (known.lanes is not None or known.way is Way.TMA)
    return operation.whole or not operation.shape or has_lanes


def _placed(memory: MemoryCode, warp: int) -> Threads | None:
    assert memory.lanes is not None
    try:
        found = warp_requests(memory.lanes, memory.shape, warp, memory.vector)
    except ValueError:
        return None
    return Threads(lanes=found.reshape(found.shape[0], -1).numpy())


def _guessed(operation: Operation, strides: Sequence[int | None], warps: int, warp: int) -> Threads:
    """Returns what Triton would choose; lanes in their order where it would choose nothing that is known."""
    try:
        usual = guess(operation.shape, strides, operation.element_bytes, warps=warps, warp_size=warp)
        found = warp_requests(usual.lanes, operation.shape, warp, usual.vector)
    except ValueError:
        elements = int(np.prod(operation.shape, dtype=np.int64))
        width = min(warp, elements)
        return Threads(lanes=np.arange(elements // width * width, dtype=np.int64).reshape(-1, width))
    return Threads(lanes=found.reshape(found.shape[0], -1).numpy())
