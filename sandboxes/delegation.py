"""Which part of a problem's work a program leaves to ATen operators.

Computing is work. Moving data is not, unless that is what the problem is about: a copy beside a kernel is layout, the
same copy in a transposition is the answer.
"""

from typing import Final

from sandboxes.contracts import READ_BACK, AtenCall, Trace, references
from sandboxes.dataflow import Dataflow
from sandboxes.hosted import host_values
from sandboxes.operators import Operator, OperatorNotAllowed, operator

FILLS: Final = ("empty", "new_", "zeros", "ones", "full", "fill_", "zero_", "arange", "lift_fresh", "eye", "linspace",
                "scalar_tensor")  # fmt: skip
"""Prefixes of operators that only allocate, or fill with numbers that are known before anything is computed."""

VALUES: Final = ("value", "fill_value", "start", "end", "step")
"""Their parameters that say with what."""

MOVES: Final = ("copy_", "clone", "_to_copy", "cat", "stack", "constant_pad_nd", "reflection_pad", "replication_pad",
                "repeat", "roll", "flip", "rot90", "tril", "triu", "im2col", "pixel_", "native_channel_shuffle",
                "select_scatter", "slice_scatter", "diagonal_scatter", "as_strided_scatter",
                "_unsafe_view")  # fmt: skip
"""Prefixes of operators that put data elsewhere, at places that do not depend on data."""

GATHERS: Final = ("index_select", "index_put", "index_copy", "gather", "embedding", "take", "_unsafe_index",
                  "masked_select")  # fmt: skip
"""Prefixes of operators that put data elsewhere, at places that data tells; `index` is one, too."""


def computing_calls(trace: Trace, flow: Dataflow) -> list[tuple[int, AtenCall]]:
    """Returns the live ATen calls that compute on the GPU, with their node index."""
    return [item for item in _calls(trace, flow) if _kind(item[1]) == "compute"]


def delegated_calls(trace: Trace, flow: Dataflow, reference: Trace) -> list[tuple[int, AtenCall]]:
    """Returns the live ATen calls that do what the problem is about, with their node index.

    Args:
        trace: Of the candidate.
        flow: Its dataflow.
        reference: The reference's own calls: those that move data make moving data work.
    """
    work = {"compute"} | {_kind(node) for node in reference.nodes if isinstance(node, AtenCall)} & {"move", "gather"}
    return [item for item in _calls(trace, flow) if _kind(item[1]) in work]


def is_fill(call: AtenCall) -> bool:
    """True for a call that only fills memory with numbers that are known before anything is computed."""
    return _kind(call) == "fill"


def _calls(trace: Trace, flow: Dataflow) -> list[tuple[int, AtenCall]]:
    host = host_values(trace)
    return [
        (index, node)
        for index, node in enumerate(trace.nodes)
        if isinstance(node, AtenCall)
        and index in flow.live
        and node.operator != READ_BACK
        and not host.intersection(references(node.results))
    ]


def _kind(call: AtenCall) -> str:
    """Returns `view`, `fill`, `move`, `gather` or `compute`."""
    name = call.operator.partition("::")[2].partition(".")[0]
    try:
        op = operator(call.operator)
    except OperatorNotAllowed:  # only a reference may call it
        return "compute"
    if any(alias is not None for alias in op.aliases) and not op.written:
        return "view"
    if name.startswith(FILLS):
        return "move" if _spreads(call, op) else "fill"
    if name.startswith(MOVES):
        return "move"
    return "gather" if name.startswith(GATHERS) or name == "index" else "compute"


def _spreads(call: AtenCall, op: Operator) -> bool:
    """True if what it fills with is in a tensor or was read from one."""
    given = [op.parameters[position] for position, _ in enumerate(call.args)]
    named = (*zip(given, call.args, strict=True), *call.kwargs.items())
    return bool(references(tuple(item for name, item in named if name in VALUES)))
