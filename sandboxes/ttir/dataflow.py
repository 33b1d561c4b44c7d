"""Through which pointer parameters a kernel reads, writes or updates: facts for hack detectors and the executor.

Conservative: whatever is computed from a pointer counts as that pointer, so a parameter that is reported untouched is
untouched.
"""

from collections import defaultdict
from dataclasses import dataclass

from sandboxes.ttir.ir import Block, DescriptorType, Function, Module, Operation, PointerType, Type

_SINKS = {
    "tt.load": "reads",
    "tt.descriptor_load": "reads",
    "tt.descriptor_gather": "reads",
    "tt.store": "writes",
    "tt.descriptor_store": "writes",
    "tt.descriptor_scatter": "writes",
    "tt.atomic_rmw": "updates",
    "tt.atomic_cas": "updates",
    "tt.descriptor_reduce": "updates",
}
_CUT = frozenset(_SINKS)
"""Operations whose results are data from memory, not addresses."""
_FLOW = ("arith.", "math.", "scf.", "cf.")
_FLOW_NAMES = frozenset(
    "tt.splat tt.broadcast tt.expand_dims tt.reshape tt.trans tt.addptr tt.bitcast tt.ptr_to_int tt.int_to_ptr "
    "tt.call tt.return tt.reduce tt.scan tt.reduce.return tt.scan.return tt.cat tt.join tt.split tt.gather tt.print "
    "tt.assert tt.make_tensor_descriptor tt.make_tensor_ptr tt.advance tt.unsplat tt.dot tt.histogram tt.clampf".split()
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


def accesses(module: Module) -> dict[str, Access]:
    """What the kernel does through each of its pointer (and descriptor) parameters, by name."""
    edges: dict[int, list[int]] = defaultdict(list)
    sinks: dict[int, set[str]] = defaultdict(set)
    functions = {function.name: function for function in module.functions}
    for function in module.functions:
        for operation in function.walk():
            _connect(operation, functions, edges)
            _mark(operation, sinks)
        for block in function.body.blocks:
            _connect_branches(block, function, edges)
    result = {}
    for parameter in module.kernel.parameters:
        if _is_address(parameter.type):
            found = _reached(parameter.value.index, edges, sinks)
            result[parameter.name] = Access(**{kind: kind in found for kind in ("reads", "writes", "updates")})
    return result


def _is_address(kind: Type) -> bool:
    return isinstance(kind, PointerType | DescriptorType)


def _connect(operation: Operation, functions: dict[str, Function], edges: dict[int, list[int]]) -> None:
    """Edges from values to the values computed from them."""
    targets = [] if operation.name in _CUT else [r.index for r in operation.results]
    results = targets
    if operation.name == "tt.call" and operation.keywords:
        callee = functions.get(operation.keywords[0].removeprefix("@").strip('"'))
        if callee is not None:
            for operand, parameter in zip(operation.operands, callee.parameters, strict=False):
                edges[operand.index].append(parameter.value.index)
            for block in callee.body.blocks:
                if block.operations and block.operations[-1].name == "tt.return":
                    for value in block.operations[-1].operands:
                        edges[value.index].extend(results)
    carried = []
    for region in operation.regions:
        for block in region.blocks:
            carried.extend(argument.index for argument in block.arguments)
            if block.operations:
                for value in block.operations[-1].operands:
                    edges[value.index].extend(results)
                    if operation.name != "scf.if":
                        edges[value.index].append(-1 - id(operation))
    if carried:
        edges[-1 - id(operation)].extend(carried)
        targets = [-1 - id(operation), *targets]
    for operand in operation.operands:
        edges[operand.index].extend(targets)


def _connect_branches(block: Block, function: Function, edges: dict[int, list[int]]) -> None:
    if not block.operations or not block.operations[-1].successors:
        return
    terminator = block.operations[-1]
    arguments = [a.index for b in function.body.blocks if b.label in terminator.successors for a in b.arguments]
    for operand in terminator.operands:
        edges[operand.index].extend(arguments)


def _mark(operation: Operation, sinks: dict[int, set[str]]) -> None:
    """Records what an operation does to memory through each operand."""
    kind = _SINKS.get(operation.name)
    if kind is not None:
        for position, operand in enumerate(operation.operands):
            # an address that is itself stored may be used by anyone
            sinks[operand.index].add(kind if position == 0 else "writes")
    elif not operation.name.startswith(_FLOW) and operation.name not in _FLOW_NAMES:
        for operand in operation.operands:
            sinks[operand.index] |= {"reads", "writes"}


def _reached(start: int, edges: dict[int, list[int]], sinks: dict[int, set[str]]) -> set[str]:
    found: set[str] = set()
    seen = {start}
    stack = [start]
    while stack:
        value = stack.pop()
        found |= sinks.get(value, set())
        for target in edges.get(value, ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return found
