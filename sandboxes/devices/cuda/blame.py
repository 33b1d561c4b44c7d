"""From what a GPU says of a fault, which is little, to what an author can use: the case runs again on the CPU executor.

The executor checks every access, so it knows the kernel, the line, the tensor and the index. Where it finds nothing (or
can't run the program, or not in time), the GPU's own words stand with the line of the launch.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sandboxes.budget import MAX_LIVE_BYTES, live_bytes
from sandboxes.contracts import Diagnostic, Launch, Outcome, Precision, Stage, Submission, clip
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.device import Choice, Program
from sandboxes.errors import SandboxesError
from sandboxes.faults import Fault, fault, faults
from sandboxes.hints import HINTS
from sandboxes.ttir import DeviceAssertion, ExecutionTimeout, MemoryFault

OUTCOMES: Final = {
    GpuFault.ILLEGAL_ACCESS: Outcome.MEMORY_ERROR,
    GpuFault.MISALIGNED: Outcome.MEMORY_ERROR,
    GpuFault.GUARD: Outcome.MEMORY_ERROR,
    GpuFault.ASSERTION: Outcome.INCORRECT,
    GpuFault.TRAP: Outcome.LAUNCH_ERROR,
    GpuFault.OUT_OF_RESOURCES: Outcome.LAUNCH_ERROR,
    GpuFault.OUT_OF_MEMORY: Outcome.LAUNCH_ERROR,
    GpuFault.NO_ROOM: Outcome.UNSUPPORTED,
    GpuFault.HANG: Outcome.TIMEOUT,
}
"""What each of them is, if the executor has nothing to add. `LOST` is nobody's fault."""

REMEDIES: Final = {
    GpuFault.ILLEGAL_ACCESS: HINTS[MemoryFault],
    GpuFault.GUARD: HINTS[MemoryFault],
    GpuFault.MISALIGNED: "Move pointers by whole elements, and give a descriptor rows that are multiples of 16 bytes.",
    GpuFault.ASSERTION: HINTS[DeviceAssertion],
    GpuFault.TRAP: "Look for an access far out of bounds, or for recursion that needs too large a stack.",
    GpuFault.OUT_OF_RESOURCES: "Use smaller blocks, fewer stages or fewer warps.",
    GpuFault.OUT_OF_MEMORY: "Allocate less: reuse tensors, or work on parts of the input one after the other.",
    GpuFault.NO_ROOM: "Nothing is wrong with it: take a GPU or MIG slice with more memory, or a smaller bench case.",
    GpuFault.HANG: HINTS[ExecutionTimeout],
}

SEARCHED: Final = frozenset(
    {GpuFault.ILLEGAL_ACCESS, GpuFault.MISALIGNED, GpuFault.GUARD, GpuFault.ASSERTION, GpuFault.TRAP}
)
"""Faults whose cause the executor may know."""

FOUND: Final = frozenset({Outcome.MEMORY_ERROR, Outcome.INCORRECT})
"""What counts as a cause."""


def blamed(
    error: GpuError,
    program: Program,
    inputs: Callable[[], Sequence[Any]],
    choice: Choice | None,
    *,
    stage: Stage,
    submission: Submission,
    case: str,
    precision: Precision,
    seed: int,
    limit_s: float,
) -> Fault:
    """Returns the fault that an error of the GPU is; raise it `from error`, whose `fault` tells if the GPU is spoiled.

    Nothing here touches the GPU.

    Args:
        error: What it said.
        program: What ran.
        inputs: Draws the inputs with which it ran, on the CPU.
        choice: The variants that ran; None if all were tried.
        stage: Where we are.
        submission: For excerpts.
        case: Name of the case.
        precision: How ATen matrix products treat float32.
        seed: Draws the order of programs on the CPU.
        limit_s: Wall time for the search.

    Raises:
        GpuLost: It is no kernel's doing.
    """
    if error.fault is GpuFault.LOST:
        raise GpuLost(error.detail) from error
    if error.fault in SEARCHED:
        deadline_s = time.monotonic() + limit_s
        for tried in _choices(program, choice, error.node):
            found = _found(program, inputs, tried, submission, case, precision, seed, deadline_s)
            if found is not None:
                text = clip(f"{found.diagnostic.message} (on the GPU: {error})")
                return Fault(found.outcome, _with(found.diagnostic, text, stage))
    node = program.trace.nodes[error.node] if error.node is not None else None
    words = f"kernel '{node.kernel}': {error}" if isinstance(node, Launch) else str(error)
    line = node.line if node is not None else None
    return fault(OUTCOMES[error.fault], stage, submission, words, line, REMEDIES[error.fault], case)


def _choices(program: Program, choice: Choice | None, node: int | None) -> Iterator[Choice]:
    """Returns what may have run when it went wrong."""
    launch = program.trace.nodes[node] if node is not None else None
    if choice is not None or node is None or not isinstance(launch, Launch):
        yield choice or {}
        return
    compiled = [
        number for number in range(len(launch.variants)) if not program.kernels or (node, number) in program.kernels
    ]
    yield from ({node: number} for number in compiled)


def _found(
    program: Program,
    inputs: Callable[[], Sequence[Any]],
    choice: Choice,
    submission: Submission,
    case: str,
    precision: Precision,
    seed: int,
    deadline_s: float,
) -> Fault | None:
    """Returns what the executor finds wrong with a case, if anything, in time, and if this machine can run it."""
    if live_bytes(program.trace, program.flow)[0] > MAX_LIVE_BYTES or time.monotonic() > deadline_s:
        return None
    try:
        with faults(Stage.REPLAY, submission, case):
            CpuDevice(precision).run(program, inputs(), choice, deadline_s, seed)
    except Fault as found:
        return found if found.outcome in FOUND else None
    except SandboxesError:  # it was to say more, not less
        return None
    return None


def _with(diagnostic: Diagnostic, message: str, stage: Stage) -> Diagnostic:
    return diagnostic.model_copy(update={"message": message, "stage": stage})
