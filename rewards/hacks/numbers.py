"""Where the numbers of a trace come from: backwards through kernels, memory and PyTorch's operators.

A *place* is a value of a kernel at one launch, or a storage. Conservative about addresses and the order of nodes, exact
about what a kernel does with its values: what is multiplied by zero goes nowhere.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from rewards.hacks.provenance import STORED
from sandboxes.contracts import AtenCall, Launch, TensorRef, Variant, references
from sandboxes.contracts.trace import Descriptor
from sandboxes.gate import Evidence
from sandboxes.ttir import Module, Operation, Region, parse
from sandboxes.ttir.dataflow import SINKS, edges
from sandboxes.ttir.ir import Dense
from sandboxes.ttir.remembering import by_module

Place: TypeAlias = tuple[int, int]
"""(kernel, value), or (`MEMORY`, storage)."""

MEMORY: Final = -1

WRITES: Final = {**STORED, "tt.descriptor_reduce": -1, "tt.atomic_rmw": 1, "tt.atomic_cas": 2, "tt.atomic_store": 1}
"""Operations that write data, and which of their operands the data is."""

HANDS_ON: Final = frozenset(
    {
        "tt.splat",
        "tt.broadcast",
        "tt.expand_dims",
        "tt.reshape",
        "tt.trans",
        "arith.extf",
        "arith.truncf",
        "tt.fp_to_fp",
    }
)
"""Operations that change shape or format only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a kernel's text says, whatever it is launched on."""

    made: dict[int, Operation]
    """For each value the operation that makes it."""
    sources: dict[int, list[int]]
    """For each value those it is made of."""
    addresses: dict[int, list[int]]
    """For each pointer through which memory is used the positions of the parameters that it comes from."""
    loops: dict[int, tuple[int, ...]]
    """For each value the loops around the operation that makes it, outside first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One configuration of a kernel on one set of tensors."""

    launch: Launch
    facts: Facts
    sources: dict[int, list[int]]
    """As in `facts`, without what is multiplied by zero."""
    storages: dict[int, frozenset[int]]
    """For each pointer through which memory is used the storages behind it."""

    def operations(self, *names: str) -> list[Operation]:
        """Returns the operations of these names that make a value, in the order of the text."""
        unique = {id(operation): operation for operation in self.facts.made.values() if operation.name in names}
        return list(unique.values())


class Numbers:
    """The graph of a trace's live nodes.

    Args:
        evidence: The trace; all configurations of its launches count.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.kernels: list[Kernel] = []
        self.stores: list[tuple[int, Operation, Place]] = []
        """(kernel, operation, its data) for everything that writes memory."""
        self._into: dict[int, list[Place]] = defaultdict(list)
        self._add_launches()
        for index, node in enumerate(evidence.trace.nodes):
            if isinstance(node, AtenCall) and index in evidence.flow.live and not _times_zero(node):
                for written in evidence.flow.nodes[index].writes:
                    self._into[written] += [(MEMORY, read) for read in evidence.flow.nodes[index].reads]

    def made(self, place: Place) -> Operation | None:
        """Returns the operation that makes a value; None for storages and arguments."""
        return None if place[0] == MEMORY else self.kernels[place[0]].facts.made.get(place[1])

    def before(self, place: Place) -> list[Place]:
        """Returns the places whose numbers a place has its own from."""
        kernel, value = place
        if kernel == MEMORY:
            return self._into.get(value, [])
        made = self.made(place)
        if made is not None and made.name in SINKS:
            behind = self.kernels[kernel].storages.get(made.operands[0].index, frozenset()) if made.operands else ()
            return [(MEMORY, storage) for storage in behind]
        return [(kernel, source) for source in self.kernels[kernel].sources.get(value, ())]

    def closure(self, places: Iterable[Place]) -> set[Place]:
        """Returns all places that the numbers of these come from, and these."""
        seen = set(places)
        stack = list(seen)
        while stack:
            for place in self.before(stack.pop()):
                if place not in seen:
                    seen.add(place)
                    stack.append(place)
        return seen

    def _add_launches(self) -> None:
        known: set[tuple[object, ...]] = set()
        for _, launch in self.evidence.live_launches:
            for variant in launch.variants:
                kernel = _kernel(launch, variant, self.evidence.flow.storage)
                key = (variant.ttir, tuple(kernel.storages.items()), variant.args)
                if key not in known:
                    known.add(key)
                    self._add(kernel, parse(variant.ttir))

    def _add(self, kernel: Kernel, module: Module) -> None:
        index = len(self.kernels)
        self.kernels.append(kernel)
        for operation in _operations(module):
            if operation.name in WRITES and len(operation.operands) > 1:
                data = (index, operation.operands[WRITES[operation.name]].index)
                self.stores.append((index, operation, data))
                for storage in kernel.storages.get(operation.operands[0].index, ()):
                    self._into[storage].append(data)


def _operations(module: Module) -> list[Operation]:
    return [operation for function in module.functions for operation in function.walk()]


@by_module
def _facts(module: Module) -> Facts:
    forward = edges(module)
    sources: dict[int, list[int]] = defaultdict(list)
    for source, targets in forward.items():
        for target in targets:
            sources[target].append(source)
    operations = _operations(module)
    used = {operation.operands[0].index for operation in operations if operation.name in SINKS and operation.operands}
    addresses: dict[int, list[int]] = defaultdict(list)
    for position, parameter in enumerate(module.kernel.parameters):
        seen, stack = {parameter.value.index}, [parameter.value.index]
        while stack:
            new = [target for target in forward.get(stack.pop(), ()) if target not in seen]
            seen.update(new)
            stack += new
        for pointer in seen & used:
            addresses[pointer].append(position)
    made = {result.index: operation for operation in operations for result in operation.results}
    return Facts(made=made, sources=dict(sources), addresses=dict(addresses), loops=_loops(module))


def _loops(module: Module) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    names = count()
    stack: list[tuple[Region, tuple[int, ...]]] = [(function.body, ()) for function in module.functions]
    while stack:
        region, around = stack.pop()
        for operation in (item for block in region.blocks for item in block.operations):
            found.update((result.index, around) for result in operation.results)
            inside = (*around, next(names)) if operation.name in {"scf.for", "scf.while"} else around
            stack += [(inner, inside) for inner in operation.regions]
    return found


def _kernel(launch: Launch, variant: Variant, storage: tuple[int, ...]) -> Kernel:
    module = parse(variant.ttir)
    facts = _facts(module)
    behind = {
        position: storage[argument.base.id if isinstance(argument, Descriptor) else argument.id]
        for position, argument in enumerate(variant.args)
        if isinstance(argument, TensorRef | Descriptor)
    }
    storages = {
        pointer: frozenset(behind[position] for position in positions if position in behind)
        for pointer, positions in facts.addresses.items()
    }
    sources = {**facts.sources, **_zeroed(module, variant)}
    return Kernel(launch=launch, facts=facts, sources=sources, storages=storages)


def _zeroed(module: Module, variant: Variant) -> dict[int, list[int]]:
    """Returns what is left of the sources of products of which a factor is zero."""
    arguments = zip(module.kernel.parameters, variant.args, strict=False)
    zeros = {parameter.value.index for parameter, argument in arguments if _is_zero(argument)}
    left: dict[int, list[int]] = {}
    for operation in _operations(module):
        operands = [operand.index for operand in operation.operands]
        factors = zeros.intersection(operands[:2])
        constant = operation.name == "arith.constant" and _is_zero(operation.attributes.get("value"))
        if constant or (factors and operation.name in {*HANDS_ON, "arith.mulf"}):
            zeros.update(result.index for result in operation.results)
        if operation.name == "arith.mulf" and factors:
            left.update((result.index, []) for result in operation.results)
        elif operation.name == "tt.dot" and factors:
            left.update((result.index, operands[2:3]) for result in operation.results)
    return left


def _is_zero(value: object) -> bool:
    if isinstance(value, Dense):
        return all(_is_zero(item) for item in value.values)
    return isinstance(value, int | float) and value == 0


def _times_zero(call: AtenCall) -> bool:
    name = call.operator.partition("::")[2].partition(".")[0]
    return name in {"mul", "mul_"} and any(_is_zero(item) for item in call.args if not references((item,)))
