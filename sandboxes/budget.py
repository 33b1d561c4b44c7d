"""What a trace may ask of this machine: memory at a time, and arithmetic in torch's own operators.

The sandbox bounds what the candidate's Python uses; these bounds are for what its trace makes trusted code do. Kernels
have a time limit of their own.
"""

from sandboxes.contracts import AtenCall, Outcome, Stage, Submission, Trace, node_inputs, references
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.dataflow import Dataflow
from sandboxes.faults import fault
from sandboxes.programs import Programs
from sandboxes.reference_trace import graph_gflop

MAX_LIVE_BYTES = 4 * 2**30
"""Memory that all tensors of a replay may hold at a time."""

MAX_HOLLOW_BYTES = 2**38
"""The same where nothing is executed: more than any GPU has."""

MAX_TIMES_REFERENCE = 20.0
"""Arithmetic in ATen operators may be this many times the reference's, plus `FREE_GFLOP`."""

FREE_GFLOP = 20.0


def check_budget(programs: Programs, reference: Trace, submission: Submission) -> None:
    """Refuses programs that would exhaust this machine, and hollow ones that would exhaust any GPU.

    Raises:
        Fault: `unsupported` if the tensors need too much memory, `timeout` if torch's operators would take too long.
    """
    allowed = FREE_GFLOP + MAX_TIMES_REFERENCE * graph_gflop(reference)
    for program in programs.values():
        peak, line = live_bytes(program.trace, program.flow)
        most = MAX_HOLLOW_BYTES if program.hollow else MAX_LIVE_BYTES
        if peak > most:
            held, limit = peak / 2**30, most / 2**30
            text = f"the tensors of `forward` hold {held:.3g} GiB at a time, this device has {limit:g}"
            hint = "Allocate less, or evaluate on a GPU."
            raise fault(Outcome.UNSUPPORTED, Stage.VERIFY, submission, text, line, hint, program.trace.case)
        needed = graph_gflop(program.trace)
        if needed > allowed and not program.hollow:
            text = (
                f"torch's operators in `forward` need {needed:.3g} GFLOP, the limit for this problem is {allowed:.3g}"
            )
            raise fault(Outcome.TIMEOUT, Stage.VERIFY, submission, text, case=program.trace.case)


def live_bytes(trace: Trace, flow: Dataflow) -> tuple[int, int | None]:
    """Returns the most memory that is held at a time, in bytes, and the candidate's line where that is.

    Storages live from the node that makes them to the last one that uses any of their views; inputs, constants and
    outputs live throughout.
    """
    size: dict[int, int] = {}
    for id_, storage in enumerate(flow.storage):
        spec = trace.values[id_]
        size[storage] = max(size.get(storage, 0), spec.extent * DTYPE_BYTES[spec.dtype])
    throughout = flow.input_storages | flow.constant_storages | flow.output_storages
    last_use: dict[int, int] = {}
    for index, node in enumerate(trace.nodes):
        results = references(node.results) if isinstance(node, AtenCall) else []
        last_use.update(dict.fromkeys((flow.storage[id_] for id_ in [*node_inputs(node), *results]), index))
    ending: dict[int, list[int]] = {}
    for storage, index in last_use.items():
        if storage not in throughout:
            ending.setdefault(index, []).append(storage)
    held = {storage: size[storage] for storage in throughout}
    total = peak = sum(held.values())
    line: int | None = None
    for index, node in enumerate(trace.nodes):
        for storage in flow.nodes[index].writes:
            if storage not in held:
                held[storage] = size[storage]
                total += size[storage]
        if total > peak:
            peak, line = total, node.line
        for storage in ending.get(index, ()):
            total -= held.pop(storage, 0)
    return peak, line
