"""Who reads and writes which memory in a trace: liveness, taint and provenance, trusted.

Aliasing is not read off the trace but derived: from the schemas of ATen operators, and from the loads and stores in a
kernel's TTIR. A *storage* is a block of memory; views share it.
"""

from dataclasses import dataclass, field

from sandboxes.contracts import (
    Argument,
    AtenCall,
    Launch,
    ScalarRef,
    TensorRef,
    TensorSpec,
    Trace,
    Variant,
    references,
)
from sandboxes.contracts.trace import Descriptor
from sandboxes.operators import operator
from sandboxes.ttir import Access, accesses, parse


@dataclass(frozen=True, slots=True)
class NodeFlow:
    """The memory traffic of one node, in storages."""

    reads: frozenset[int]
    writes: frozenset[int]
    replaces: frozenset[int]
    """Storages of which nothing older survives: fresh results and full overwrites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataflow:
    """What verification and profiling need to know about a trace's graph."""

    storage: tuple[int, ...]
    """For each value its storage."""
    nodes: tuple[NodeFlow, ...]
    input_storages: frozenset[int]
    constant_storages: frozenset[int]
    output_storages: frozenset[int]
    live: frozenset[int]
    """Nodes whose results reach an output."""
    tainted: frozenset[int]
    """Storages whose content depends on an input by the end."""
    written: frozenset[int]
    """Storages that a live node writes to."""

    @property
    def writes_constants(self) -> bool:
        """True if any node writes into a constant, so that replays must not share it."""
        return any(node.writes & self.constant_storages for node in self.nodes)


@dataclass(slots=True)
class _Storages:
    """Union of values into storages while walking the graph."""

    values: tuple[TensorSpec, ...]
    of: dict[int, int] = field(default_factory=dict)
    largest: list[int] = field(default_factory=list)
    """For each storage the elements of the largest value in it."""

    def fresh(self, value: int) -> int:
        """Gives `value` memory of its own."""
        self.largest.append(0)
        self.share(value, len(self.largest) - 1)
        return self.of[value]

    def share(self, value: int, storage: int) -> None:
        """Puts `value` into memory that is known."""
        self.of[value] = storage
        self.largest[storage] = max(self.largest[storage], self.values[value].numel)


def analyse(trace: Trace) -> Dataflow:
    """Derives the dataflow of a trace.

    Raises:
        OperatorNotAllowed: It calls an operator without a known schema.
        TTIRSyntaxError: A kernel can't be parsed.
    """
    storages = _Storages(trace.values)
    inputs = frozenset(storages.fresh(id_) for id_ in references(trace.inputs) if id_ not in storages.of)
    constants = frozenset(storages.fresh(constant.value) for constant in trace.constants)
    nodes = tuple(
        _aten(node, storages) if isinstance(node, AtenCall) else _launch(node, storages) for node in trace.nodes
    )
    outputs = frozenset(storages.of[id_] for id_ in references((trace.output,)))
    live = _live(nodes, outputs)
    return Dataflow(
        storage=tuple(storages.of.get(id_, -1) for id_ in range(len(trace.values))),
        nodes=nodes,
        input_storages=inputs,
        constant_storages=constants,
        output_storages=outputs,
        live=live,
        tainted=_tainted(nodes, inputs),
        written=frozenset().union(*(nodes[index].writes for index in live)),
    )


def tainted_by(flow: Dataflow, storages: frozenset[int]) -> frozenset[int]:
    """Returns the storages whose content depends, by the end, on what was in these at the beginning."""
    return _tainted(flow.nodes, storages)


def _aten(call: AtenCall, storages: _Storages) -> NodeFlow:
    """Reads all tensor arguments; writes what its schema says; results alias or are fresh."""
    op = operator(call.operator)
    reads: set[int] = set()
    writes: set[int] = set()
    replaces: set[int] = set()
    arguments: dict[int, Argument] = dict(enumerate(call.args))
    arguments.update({op.parameters.index(name): argument for name, argument in call.kwargs.items()})
    for position, argument in arguments.items():
        ids = references((argument,))
        touched = {storages.of[id_] for id_ in ids}
        if position in op.written:
            writes |= touched
            if _overwrites(call.operator) and len(ids) == 1 and _covers(ids[0], storages):
                replaces |= touched
            else:
                reads |= touched
        elif not (position == 0 and _takes_shape_only(call.operator)):
            reads |= touched
    for position, result in enumerate(call.results):
        alias = op.aliases[min(position, len(op.aliases) - 1)] if op.aliases else None
        source = references((arguments[alias],)) if alias in arguments else []
        for id_ in references((result,)):
            if id_ in storages.of:
                continue
            if source:
                storages.share(id_, storages.of[source[0]])
            else:
                new = storages.fresh(id_)
                writes.add(new)
                replaces.add(new)
    return NodeFlow(frozenset(reads - replaces), frozenset(writes), frozenset(replaces))


def _overwrites(name: str) -> bool:
    """True for operators that ignore what was in the memory they write to."""
    return name.partition(".")[0] in {"aten::copy_", "aten::fill_", "aten::zero_"} or name.endswith("out")


def _takes_shape_only(name: str) -> bool:
    """True for operators that make a tensor like their first argument without looking at what is in it."""
    base = name.partition("::")[2].partition(".")[0]
    return base in {"empty_like", "zeros_like", "ones_like", "full_like"} or base.startswith("new_")


def _covers(id_: int, storages: _Storages) -> bool:
    """True if the value has no gaps and is as large as the largest value that shares its storage."""
    value = storages.values[id_]
    return value.offset == 0 and value.is_dense and value.numel >= storages.largest[storages.of[id_]]


def launch_access(variant: Variant) -> list[tuple[TensorRef, bool, bool]]:
    """Returns (argument, is read, is written) for every tensor a launch takes, from the kernel's loads and stores."""
    module = parse(variant.ttir)
    access = accesses(module)
    found: list[tuple[TensorRef, bool, bool]] = []
    for parameter, argument in zip(module.kernel.parameters, variant.args, strict=False):
        if isinstance(argument, TensorRef) and parameter.name in access:
            found.append((argument, *_both(access[parameter.name])))
        elif isinstance(argument, Descriptor) and parameter.name in access:
            found.append((argument.base, *_both(access[parameter.name])))
    return found


def _numbers_used(variant: Variant) -> set[int]:
    """Returns the ids of the numbers, read back, that a kernel does something with."""
    pairs = [
        (parameter.value.index, argument.id)
        for parameter, argument in zip(parse(variant.ttir).kernel.parameters, variant.args, strict=False)
        if isinstance(argument, ScalarRef)
    ]
    if not pairs:
        return set()
    operands = {operand.index for operation in parse(variant.ttir).kernel.walk() for operand in operation.operands}
    return {id_ for index, id_ in pairs if index in operands}


def _both(access: Access) -> tuple[bool, bool]:
    return access.reads or access.updates, access.writes or access.updates


def _launch(launch: Launch, storages: _Storages) -> NodeFlow:
    reads: set[int] = set()
    writes: set[int] = set()
    for variant in launch.variants:
        for argument, is_read, is_written in launch_access(variant):
            storage = storages.of[argument.id]
            reads |= {storage} if is_read else set()
            writes |= {storage} if is_written else set()
        reads |= {storages.of[id_] for id_ in _numbers_used(variant)}
    return NodeFlow(frozenset(reads), frozenset(writes), frozenset())


def _live(nodes: tuple[NodeFlow, ...], outputs: frozenset[int]) -> frozenset[int]:
    """Walks backwards: a node is live if it writes memory that is still needed."""
    needed = set(outputs)
    live: set[int] = set()
    for index in reversed(range(len(nodes))):
        node = nodes[index]
        if node.writes & needed:
            live.add(index)
            needed -= node.replaces
            needed |= node.reads
    return frozenset(live)


def _tainted(nodes: tuple[NodeFlow, ...], inputs: frozenset[int]) -> frozenset[int]:
    """Walks forwards: what is written by a node that reads tainted memory is tainted."""
    tainted = set(inputs)
    for node in nodes:
        if node.reads & tainted:
            tainted |= node.writes
        else:
            tainted -= node.replaces
    return frozenset(tainted)
