"""Which thread accesses which lane, as compiled, or as Triton usually does it where nobody looked at the code."""

from collections.abc import Sequence

import numpy as np

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code, MemoryCode, Way
from sandboxes.hardware.code.layouts import warp_requests
from sandboxes.hardware.traffic.coalescing import Threads
from sandboxes.ttir.addresses.log import Operation

VECTOR_BYTES = 16
"""The most that one instruction of a thread loads or stores."""


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
        code: The compiled kernel; None or an unknown layout: neighbouring threads take neighbouring elements, as
            Triton's pass `Coalesce` sees to where it can prove what is next to what.
        resources: How many warps there are.
        target: How many threads a warp has.
    """
    elements = int(np.prod(operation.shape, dtype=np.int64))
    known = compiled(operation, code)
    if operation.whole or (known is not None and known.way is Way.TMA):
        return Threads.of_tile(elements)
    if not operation.shape:
        return Threads.of_scalar(operation.kind, max(1, resources.threads // target.warp_size))
    if known is not None and known.lanes is not None:
        found = _placed(known, target.warp_size)
        if found is not None:
            return found
    return _side_by_side(operation, strides, target.warp_size)


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


def _side_by_side(operation: Operation, strides: Sequence[int | None], warp: int) -> Threads:
    """Returns threads in the order of lanes, along the axis first whose neighbours are consecutive."""
    shape = operation.shape
    runs = [size if stride == 1 else 1 for size, stride in zip(shape, strides, strict=True)]
    axes = sorted(range(len(shape)), key=lambda axis: (runs[axis], axis))
    lanes = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape).transpose(axes).reshape(-1)
    vector = min(max(1, VECTOR_BYTES // operation.element_bytes), max(runs), max(1, lanes.size // warp))
    width = min(warp * vector, lanes.size)
    return Threads(lanes=lanes[: lanes.size // width * width].reshape(-1, width))
