"""A trace as the hardware model sees it: what each node is priced from, and which memory it reads and writes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sandboxes.contracts import (
    READ_BACK,
    AtenCall,
    Descriptor,
    Launch,
    Precision,
    TensorRef,
    TensorSpec,
    Trace,
    Variant,
    references,
)
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.dataflow import analyse
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.launching import Launched
from sandboxes.hardware.aten_cost import aten_work, unique_bytes
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.explaining.reading import is_elementwise, looped_loads
from sandboxes.hardware.pricing import plain
from sandboxes.hardware.routine import routine_of
from sandboxes.hosted import host_values
from sandboxes.operators import OperatorNotAllowed, is_pointwise
from sandboxes.ttir import parse


def program_nodes(
    program: Program, choice: Choice, launched: Mapping[int, Launched], precision: Precision
) -> list[ProgramNode]:
    """Returns the nodes of a candidate that take time, in order.

    Args:
        program: The bench case, with compiled kernels.
        choice: Variant of each launch.
        launched: What each launch did; one that is not in it has neither work nor price.
        precision: Decides which unit multiplies float32.
    """
    trace, flow = program.trace, program.flow
    host = host_values(trace)
    nodes: list[ProgramNode] = []
    for index, node in enumerate(trace.nodes):
        live = index in flow.live
        if isinstance(node, Launch):
            nodes.append(_launch(program, index, node, choice[index], launched.get(index), live=live))
        elif node.operator != READ_BACK and host.intersection(references(node.results)):
            continue  # Python's own arithmetic
        else:
            nodes.append(_call(index, node, trace.values, flow.storage, precision, live=live))
    needed = flow.output_storages | flow.constant_storages | flow.input_storages
    return [_kept(node, needed) for node in nodes if node.call is None or node.call.launches]


def reference_nodes(reference: Trace, precision: Precision) -> list[ProgramNode]:
    """Returns the nodes of a reference that take time, in order."""
    storages = reference_storages(reference)
    nodes = [
        _call(index, call, reference.values, storages, precision, live=True)
        for index, call in enumerate(reference.nodes)
        if isinstance(call, AtenCall)
    ]
    return [node for node in nodes if node.call is not None and node.call.launches]


def reference_storages(reference: Trace) -> Sequence[int]:
    """Returns the storage of each value; where operators without a known schema are called, views are found by name."""
    try:
        return analyse(reference).storage
    except OperatorNotAllowed:
        storages = {id_: id_ for id_ in range(len(reference.values))}
    for call in reference.nodes:
        taken = references(call.args) if isinstance(call, AtenCall) else []
        if taken and isinstance(call, AtenCall) and not aten_work(call, reference.values).launches:
            storages.update(dict.fromkeys(references(call.results), storages[taken[0]]))
    return [storages[id_] for id_ in range(len(reference.values))]


def storage_sizes(values: Sequence[TensorSpec], storages: Sequence[int]) -> dict[int, float]:
    """Returns the bytes of each storage, as far as values reach."""
    sizes: dict[int, float] = defaultdict(float)
    for spec, storage in zip(values, storages, strict=True):
        sizes[storage] = max(sizes[storage], spec.extent * DTYPE_BYTES[spec.dtype])
    return dict(sizes)


def _kept(node: ProgramNode, needed: frozenset[int]) -> ProgramNode:
    return node if not needed & node.writes.keys() else replace(node, needed=needed & frozenset(node.writes))


def _call(
    index: int,
    call: AtenCall,
    values: Sequence[TensorSpec],
    storages: Sequence[int],
    precision: Precision,
    *,
    live: bool,
) -> ProgramNode:
    work = aten_work(call, values, precision)
    reads: dict[int, float] = defaultdict(float)
    writes: dict[int, float] = defaultdict(float)
    if work.launches:
        for id_ in dict.fromkeys(references((*call.args, *call.kwargs.values()))):
            reads[storages[id_]] = max(reads[storages[id_]], float(unique_bytes(values[id_])))
        for id_ in references(call.results):
            writes[storages[id_]] = max(writes[storages[id_]], float(unique_bytes(values[id_])))
    scale = min(work.read_bytes / whole, 1.0) if (whole := sum(reads.values())) else 1.0
    return ProgramNode(
        node=index,
        name=call.operator.removesuffix(".default"),
        live=live,
        call=work,
        routine=routine_of(call, values, precision),
        elementwise=_is_elementwise(call),
        reads={storage: size * scale for storage, size in reads.items()},
        writes=dict(writes),
    )


def _launch(
    program: Program, index: int, node: Launch, number: int, did: Launched | None, *, live: bool
) -> ProgramNode:
    variant = node.variants[number]
    storages = argument_storages(program, variant)
    if did is None:
        return ProgramNode(node=index, name=node.kernel, live=live, storages=storages)
    sizes = storage_sizes(program.trace.values, program.flow.storage)
    reads: dict[int, float] = defaultdict(float)
    writes: dict[int, float] = defaultdict(float)
    for name, (loaded, stored) in did.distinct.items():
        if (storage := storages.get(name)) is not None:
            reads[storage] += min(loaded, sizes[storage])
            writes[storage] += min(stored, sizes[storage])
    module, resources = parse(variant.ttir), program.kernels[index, number].resources
    return ProgramNode(
        node=index,
        name=node.kernel,
        live=live,
        launch=did.facts or plain(did.work, resources, variant.grid, variant.num_stages),
        storages=storages,
        reads={storage: min(size, sizes[storage]) for storage, size in reads.items() if size},
        writes={storage: min(size, sizes[storage]) for storage, size in writes.items() if size},
        elementwise=is_elementwise(module),
        loops=looped_loads(module),
    )


def _is_elementwise(call: AtenCall) -> bool:
    try:
        return is_pointwise(call.operator)
    except OperatorNotAllowed:  # only a reference may call it
        return False


def argument_storages(program: Program, variant: Variant) -> dict[str, int]:
    """Returns the storage behind each pointer argument of a launch, by the name of the kernel's parameter."""
    found: dict[str, int] = {}
    for parameter, argument in zip(parse(variant.ttir).kernel.parameters, variant.args, strict=True):
        base = argument.base if isinstance(argument, Descriptor) else argument
        if isinstance(base, TensorRef):
            found[parameter.name] = program.flow.storage[base.id]
    return found
