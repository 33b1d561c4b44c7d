"""Numbers of a trace that live on the host: read back from the GPU, or computed there from others.

Reading one back is paid for (`hardware.aten_cost`), arithmetic on it is not: Python does that. So what counts as read
back is derived here, not believed.
"""

from collections import Counter

from sandboxes.contracts import READ_BACK, AtenCall, Trace, node_scalars, references
from sandboxes.dataflow import Dataflow
from sandboxes.operators import is_pointwise
from sandboxes.replay import MalformedTrace

KEEPING = frozenset({"aten::_to_copy.default", "aten::detach.default", "aten::full_like.default"})
"""Operators that a tracer records for a number that Python converts or begins with, beside elementwise arithmetic."""


def host_values(trace: Trace) -> frozenset[int]:
    """Returns the ids of all values that live on the host."""
    host: set[int] = set()
    for node in trace.nodes:
        if isinstance(node, AtenCall) and (node.operator == READ_BACK or _computes_on_host(node, trace, host)):
            host.update(references(node.results))
    return frozenset(host)


def _computes_on_host(call: AtenCall, trace: Trace, host: set[int]) -> bool:
    """True for elementwise arithmetic that takes numbers of the host only, and makes new ones."""
    if not (call.operator in KEEPING or is_pointwise(call.operator)):
        return False
    taken = references((*call.args, *call.kwargs.values()))
    made = references(call.results)
    return (
        bool(taken)
        and host.issuperset(taken)
        and host.isdisjoint(made)
        and call.kwargs.get("device") is None
        and all(trace.values[id_].shape == () for id_ in made)
    )


def check_scalars(trace: Trace, flow: Dataflow) -> None:
    """Checks that every number that the trace passes on has been read back, once and for all.

    Raises:
        MalformedTrace: It lives on the GPU, or something writes over it later: nobody would have paid for reading it.
    """
    used = {id_: index for index, node in enumerate(trace.nodes) for id_ in node_scalars(node)}
    if not used:
        return
    host = host_values(trace)
    for id_, index in used.items():
        if id_ not in host:
            raise MalformedTrace(f"node {index} takes the number in value {id_}, which was not read back")
    written = Counter(storage for node in flow.nodes for storage in node.writes)
    if any(written[flow.storage[id_]] > 1 for id_ in used):
        raise MalformedTrace("a number that is read back is written over")
