"""Describes a reference: the shapes of its cases and how much work it is, without running it on data."""

from sandboxes.contracts import Argument, ArgumentSequence, Description, Reference, TensorRef, Trace
from sandboxes.loading import load_reference
from sandboxes.reference_trace import graph_bytes, graph_gflop, trace_reference


def describe(reference: Reference) -> Description:
    """Returns what is known of a reference.

    Raises:
        InvalidReference: It can't be used.
    """
    complete, live = load_reference(reference)
    graph = trace_reference(live, live.cases[-1])
    return Description(
        reference=complete,
        cases=live.cases,
        output=_specs(graph.output, graph),
        distributions=tuple(map(str, live.distributions)),
        gflop=graph_gflop(graph),
        bytes=graph_bytes(graph),
    )


def _specs(output: Argument, graph: Trace) -> Argument:
    """Returns an output with references replaced by what they refer to."""
    if isinstance(output, TensorRef):
        return graph.values[output.id]
    if isinstance(output, ArgumentSequence):
        return output.model_copy(update={"items": tuple(_specs(item, graph) for item in output.items)})
    return output
