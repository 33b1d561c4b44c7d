"""Through which pointer parameters a kernel reads, writes or updates: facts for hack detectors and the executor.

Conservative: whatever is computed from a pointer counts as that pointer, so a parameter that is reported untouched is
untouched.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from sandboxes.ttir.ir import Block, DescriptorType, Function, Module, Operation, PointerType, Type, Value
from sandboxes.ttir.remembering import by_module

Edges: TypeAlias = defaultdict[int, list[int]]
"""From a value to the values that depend on it, by index."""

Returned: TypeAlias = defaultdict[tuple[str, int], int]
"""A negative index for what each function returns at each position: calls read it, not every block of the function."""

SINKS = {
    "tt.load": "reads",
    "tt.descriptor_load": "reads",
    "tt.descriptor_gather": "reads",
    "tt.store": "writes",
    "tt.descriptor_store": "writes",
    "tt.descriptor_scatter": "writes",
    "tt.atomic_load": "reads",
    "tt.atomic_poll": "reads",
    "tt.atomic_store": "writes",
    "tt.atomic_rmw": "updates",
    "tt.atomic_cas": "updates",
    "tt.descriptor_reduce": "updates",
}
"""Operations that use memory, and how."""
_CUT = frozenset(SINKS)
"""Operations whose results are data from memory, not addresses."""
_FLOW = ("arith.", "math.", "scf.", "cf.")
_FLOW_NAMES = frozenset(
    [
        "tt.splat",
        "tt.broadcast",
        "tt.expand_dims",
        "tt.reshape",
        "tt.trans",
        "tt.addptr",
        "tt.bitcast",
        "tt.ptr_to_int",
        "tt.int_to_ptr",
        "tt.call",
        "tt.return",
        "tt.reduce",
        "tt.scan",
        "tt.reduce.return",
        "tt.scan.return",
        "tt.cat",
        "tt.join",
        "tt.split",
        "tt.gather",
        "tt.print",
        "tt.assert",
        "tt.make_tensor_descriptor",
        "tt.make_tensor_ptr",
        "tt.advance",
        "tt.unsplat",
        "tt.dot",
        "tt.histogram",
        "tt.clampf",
        "tt.dot_scaled",
        "tt.fp_to_fp",
        "tt.map_elementwise",
        "tt.map_elementwise.return",
    ]
)


@dataclass(frozen=True, slots=True)
class Access:
    """What a kernel may do through one pointer parameter."""

    reads: bool = False
    writes: bool = False
    updates: bool = False
    """Atomic read-modify-write."""

    @property
    def mutates(self) -> bool:
        """Whether memory behind the parameter may change."""
        return self.writes or self.updates


@by_module
def accesses(module: Module) -> dict[str, Access]:
    """What the kernel does through each of its pointer (and descriptor) parameters, by name."""
    sinks: dict[str, set[int]] = {"reads": set(), "writes": set(), "updates": set()}
    for function in module.functions:
        for operation in function.walk():
            _mark(operation, sinks)
    sources: Edges = defaultdict(list)
    for source, targets in edges(module).items():
        for target in targets:
            sources[target].append(source)
    # from the memory operations backwards, so that the work does not grow with the number of parameters
    used = {kind: _reached(values, sources) for kind, values in sinks.items()}
    return {
        parameter.name: Access(**{kind: parameter.value.index in values for kind, values in used.items()})
        for parameter in module.kernel.parameters
        if _is_address(parameter.type)
    }


@by_module
def made_up_pointer(module: Module) -> Operation | None:
    """The first operation that makes a pointer of an integer which comes from none of the kernel's pointers.

    Nobody knows where such a pointer leads: a table of addresses is data.
    """
    casts = [item for function in module.functions for item in function.walk() if item.name == "tt.int_to_ptr"]
    if not casts:
        return None
    given = [parameter.value.index for parameter in module.kernel.parameters if _is_address(parameter.type)]
    known = _reached(given, edges(module))
    return next((cast for cast in casts if not cast.operands or cast.operands[0].index not in known), None)


def edges(module: Module) -> Edges:
    """What every value of a module is handed on to or computed into; not through memory."""
    found: Edges = defaultdict(list)
    functions = {function.name: function for function in module.functions}
    returned: Returned = defaultdict(lambda: -1 - len(returned))
    for function in module.functions:
        for operation in function.walk():
            _connect(operation, functions, returned, found)
        labels = {block.label: block for block in function.body.blocks}
        for block in function.body.blocks:
            _connect_branches(block, labels, found)
            for position, value in enumerate(_terminated(block)):
                found[value.index].append(returned[function.name, position])
    return found


def _is_address(kind: Type) -> bool:
    return isinstance(kind, PointerType | DescriptorType)


def _connect(operation: Operation, functions: dict[str, Function], returned: Returned, edges: Edges) -> None:
    """Edges from values to the values computed from them; loops and branches pass values by position."""
    results = operation.results
    bodies = [region.blocks[0] for region in operation.regions if region.blocks]
    if operation.name == "scf.for" and bodies:
        _zip(edges, operation.operands[:1], bodies[0].arguments[:1])
        for carried in (operation.operands[3:], _terminated(bodies[0])):
            _zip(edges, carried, bodies[0].arguments[1:])
            _zip(edges, carried, results)
    elif operation.name == "scf.while" and len(bodies) == 2:
        before, after = bodies
        _zip(edges, operation.operands, before.arguments)
        _zip(edges, _terminated(before)[1:], after.arguments)
        _zip(edges, _terminated(before)[1:], results)
        _zip(edges, _terminated(after), before.arguments)
    elif operation.name == "scf.if":
        for body in bodies:
            _zip(edges, _terminated(body), results)
    elif operation.name == "tt.call" and operation.keywords:
        callee = functions.get(operation.keywords[0].removeprefix("@").strip('"'))
        if callee is not None:
            _zip(edges, operation.operands, tuple(parameter.value for parameter in callee.parameters))
            for position, result in enumerate(results):
                edges[returned[callee.name, position]].append(result.index)
    elif operation.name not in _CUT:
        targets = [*results, *(argument for body in bodies for argument in body.arguments)]
        if targets:  # all depend on the same sources: go through the first, so that edges stay linear in the text
            first = targets[0].index
            edges[first].extend(target.index for target in targets[1:])
            for source in (operation.operands, *(_terminated(body) for body in bodies)):
                for value in source:
                    edges[value.index].append(first)


def _zip(edges: Edges, sources: tuple[Value, ...], targets: tuple[Value, ...]) -> None:
    for source, target in zip(sources, targets, strict=False):
        edges[source.index].append(target.index)


def _terminated(block: Block) -> tuple[Value, ...]:
    """What the block's last operation hands on."""
    return block.operations[-1].operands if block.operations else ()


def _connect_branches(block: Block, labels: dict[str, Block], edges: Edges) -> None:
    if not block.operations or not block.operations[-1].successors:
        return
    terminator = block.operations[-1]
    position = len(terminator.operands) - sum(terminator.groups)
    for label, size in zip(terminator.successors, terminator.groups, strict=False):
        if label in labels:
            _zip(edges, terminator.operands[position : position + size], labels[label].arguments)
        position += size


def _mark(operation: Operation, sinks: dict[str, set[int]]) -> None:
    """Records what an operation does to memory through each operand."""
    kind = SINKS.get(operation.name)
    if kind is not None:
        sinks[kind].update(operand.index for operand in operation.operands[:1])
        escaping = operation.operands[1:]  # an address that is itself stored may be used by anyone
    elif not operation.name.startswith(_FLOW) and operation.name not in _FLOW_NAMES:
        escaping = operation.operands
    else:
        return
    for operand in escaping:
        sinks["reads"].add(operand.index)
        sinks["writes"].add(operand.index)


def _reached(starts: Iterable[int], edges: Edges) -> set[int]:
    """The values that edges lead to from any of these, and these."""
    seen = set(starts)
    stack = list(seen)
    while stack:
        for target in edges.get(stack.pop(), ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen
