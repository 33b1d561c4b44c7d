"""Which thread accesses which lane, as compiled, or as Triton usually does it where nobody looked at the code."""

from collections.abc import Iterable

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


def threads_of(operation: Operation, code: Code | None, resources: Resources, target: Target) -> Threads:
    """Returns who accesses what in `operation`."""
    elements = int(np.prod(operation.shape, dtype=np.int64))
    known = compiled(operation, code)
    if operation.whole or (known is not None and known.way is Way.TMA):
        return Threads.of_tile(elements)
    if known is not None and known.lanes is not None:
        found = _placed(known, target.warp_size)
        if found is not None:
            return found
    if not operation.shape:
        return Threads.of_scalar(operation.kind, max(1, resources.threads // target.warp_size))
    return _side_by_side(elements, max(1, VECTOR_BYTES // operation.element_bytes), target.warp_size)


def known_share(operations: Iterable[Operation], code: Code | None) -> float:
    """Returns the share of operations whose layout the compiled code tells."""
    known = [
        operation.whole or not operation.shape or compiled(operation, code) is not None for operation in operations
    ]
    return sum(known) / len(known) if known else 1.0


def _placed(memory: MemoryCode, warp: int) -> Threads | None:
    assert memory.lanes is not None
    try:
        found = warp_requests(memory.lanes, memory.shape, warp, memory.vector)
    except ValueError:
        return None
    return Threads(lanes=found.reshape(found.shape[0], -1).numpy())


def _side_by_side(elements: int, vector: int, warp: int) -> Threads:
    """Returns threads in the order of lanes, each with a few neighbours."""
    vector = min(vector, max(1, elements // warp))
    width = min(warp * vector, elements)
    return Threads(lanes=np.arange(elements // width * width, dtype=np.int64).reshape(-1, width))
