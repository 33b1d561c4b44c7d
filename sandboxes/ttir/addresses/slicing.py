"""The part of a kernel that decides which memory it accesses: what pointers, masks and control flow are computed from.

The result is a module again, with the same values and operations; what nobody's address needs is left out, and loops,
branches and functions hand on only what is left. Memory operations stay with all their operands, of which an observer
reads those that `addressing_operands` names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from sandboxes.ttir.dataflow import SINKS, edges
from sandboxes.ttir.engine.preparation import TERMINATORS
from sandboxes.ttir.ir import Block, DescriptorType, Function, Module, Operation, Region, Value
from sandboxes.ttir.table import executes

CONTROL = frozenset(["scf.for", "scf.if", "scf.while", "tt.call"])
_REGION_COMPUTES = frozenset(["tt.reduce", "tt.scan", "tt.map_elementwise"])
MASKS = {"tt.load": 1, "tt.store": 2, "tt.atomic_rmw": 2, "tt.atomic_load": 1, "tt.atomic_store": 2}
"""Where a memory operation has its mask."""


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A kernel without what its addresses do not need."""

    module: Module
    needed: frozenset[int]
    """Values that are left."""
    contents: dict[Block, tuple[Operation, ...]] = field(default_factory=dict)
    """For each block of the slice all operations of the block that it was made of."""
    origins: dict[Operation, Operation] = field(default_factory=dict)
    """Operations that were rewritten, and what they were."""


def addressing_operands(operation: Operation) -> tuple[Value, ...]:
    """The operands of a memory operation that say where it goes."""
    operands = operation.operands
    if operation.name in ("tt.descriptor_gather", "tt.descriptor_scatter"):
        return operands[:3]
    if operation.name.startswith("tt.descriptor"):
        kind = operands[0].type if operands else None
        return operands[: 1 + len(kind.block.shape)] if isinstance(kind, DescriptorType) else operands
    mask = MASKS.get(operation.name, len(operands))
    return (*operands[:1], *operands[mask : mask + 1])


def conditions(operation: Operation) -> tuple[Value, ...]:
    """The operands of control flow that decide what is executed."""
    if operation.name == "scf.for":
        return operation.operands[:3]
    return operation.operands[:1] if operation.name in ("scf.if", "scf.condition", "cf.cond_br") else ()


def sliced(module: Module) -> Slice:
    """The slice of a module that has been prepared, so that its operations are well-formed as far as that goes."""
    return _Slicing(module, _needed(module)).slice()


def _needed(module: Module) -> frozenset[int]:
    """Every value that addresses, masks or control flow are computed from."""
    sources: defaultdict[int, list[int]] = defaultdict(list)
    for source, targets in edges(module).items():
        for target in targets:
            sources[target].append(source)
    found: set[int] = set()
    for function in module.functions:
        for operation in function.walk():
            if operation.name in SINKS:
                found.update(value.index for value in addressing_operands(operation))
            found.update(value.index for value in conditions(operation))
            for result in operation.results:
                if operation.name == "tt.load":  # what masked lanes read
                    sources[result.index].extend(value.index for value in operation.operands[2:3])
                if operation.name in _REGION_COMPUTES:  # their regions are run as they are
                    inside = (value.index for inner in operation.walk() for value in inner.operands)
                    sources[result.index].extend(inside)
                    break
    stack = list(found)
    while stack:
        for source in sources.get(stack.pop(), ()):
            if source not in found:
                found.add(source)
                stack.append(source)
    return frozenset(found)


class _Slicing:
    def __init__(self, module: Module, needed: frozenset[int]) -> None:
        self._module = module
        self._needed = needed
        self._functions = {function.name: function for function in module.functions}
        self._returned: defaultdict[str, set[int]] = defaultdict(set)
        """Positions of what functions return that some call needs."""
        self._result = Slice(module, needed)
        for function in module.functions:
            for operation in function.walk():
                if operation.name == "tt.call":
                    self._returned[_callee(operation)].update(self._positions(operation.results))

    def slice(self) -> Slice:
        functions = tuple(self._function(function) for function in self._module.functions)
        return replace(self._result, module=Module(functions, self._module.value_count))

    def _positions(self, *groups: tuple[Value, ...]) -> list[int]:
        """Positions at which one of the groups has a value that is needed."""
        return sorted({i for group in groups for i, value in enumerate(group) if value.index in self._needed})

    def _kept(self, operation: Operation) -> bool:
        name = operation.name
        return (
            name in SINKS
            or name in CONTROL
            or any(result.index in self._needed for result in operation.results)
            or not executes(name)
        )

    def _function(self, function: Function) -> Function:
        kernel = function is self._module.kernel
        labels = {block.label: block for block in function.body.blocks}
        blocks = []
        for number, block in enumerate(function.body.blocks):
            arguments = block.arguments if kernel and number == 0 else self._arguments(block)
            kept = sorted(self._returned[function.name])
            blocks.append(
                self._block(block, arguments, lambda last, kept=kept: self._leaving(last, labels, kept))  # type: ignore[misc]
            )
        return replace(function, body=Region(tuple(blocks)))

    def _arguments(self, block: Block) -> tuple[Value, ...]:
        return tuple(value for value in block.arguments if value.index in self._needed)

    def _leaving(self, last: Operation, labels: dict[str, Block], returned: list[int]) -> Operation:
        """A function's terminator with what is left of its operands."""
        if last.name == "tt.return":
            return self._rewritten(last, operands=_at(last.operands, returned))
        position = len(last.operands) - sum(last.groups)
        operands, groups = list(last.operands[:position]), []
        for label, size in zip(last.successors, last.groups, strict=True):
            passed = zip(last.operands[position : position + size], labels[label].arguments, strict=True)
            kept = [value for value, argument in passed if argument.index in self._needed]
            operands += kept
            groups.append(len(kept))
            position += size
        return self._rewritten(last, operands=tuple(operands), groups=tuple(groups))

    def _block(
        self, block: Block, arguments: tuple[Value, ...], last: Callable[[Operation], Operation], *, whole: bool = False
    ) -> Block:
        """The block with what is left.

        Args:
            block: The block.
            arguments: What is left of its arguments.
            last: Rewrites its terminator.
            whole: Keeps all operations.
        """
        operations = list(block.operations)
        terminator = [operations.pop()] if operations and operations[-1].name in TERMINATORS else []
        kept = [self._operation(operation) for operation in operations if whole or self._kept(operation)]
        result = Block(block.label, arguments, (*kept, *(last(operation) for operation in terminator)))
        self._result.contents[result] = tuple(operations)
        return result

    def _operation(self, operation: Operation) -> Operation:
        rewrite: dict[str, Callable[[Operation], Operation]] = {
            "scf.for": self._for,
            "scf.if": self._if,
            "scf.while": self._while,
            "tt.call": self._call,
        }
        if operation.name in rewrite:
            return rewrite[operation.name](operation)
        if not operation.regions:
            return operation
        regions = tuple(
            Region(tuple(self._block(block, block.arguments, lambda last: last, whole=True) for block in region.blocks))
            for region in operation.regions
        )
        return self._rewritten(operation, regions=regions)

    def _for(self, operation: Operation) -> Operation:
        body = operation.regions[0].blocks[0]
        kept = self._positions(body.arguments[1:], operation.results)
        block = self._block(body, (body.arguments[0], *_at(body.arguments[1:], kept)), self._yielding(kept))
        return self._rewritten(
            operation,
            operands=(*operation.operands[:3], *_at(operation.operands[3:], kept)),
            results=_at(operation.results, kept),
            regions=(Region((block,)),),
        )

    def _if(self, operation: Operation) -> Operation:
        kept = self._positions(operation.results)
        regions = tuple(
            Region(tuple(self._block(block, block.arguments, self._yielding(kept)) for block in region.blocks))
            for region in operation.regions
        )
        return self._rewritten(operation, results=_at(operation.results, kept), regions=regions)

    def _while(self, operation: Operation) -> Operation:
        before, after = (region.blocks[0] for region in operation.regions)
        entering = self._positions(before.arguments)
        passing = self._positions(after.arguments, operation.results)
        first = self._block(
            before, _at(before.arguments, entering), self._yielding([0, *(position + 1 for position in passing)])
        )
        second = self._block(after, _at(after.arguments, passing), self._yielding(entering))
        return self._rewritten(
            operation,
            operands=_at(operation.operands, entering),
            results=_at(operation.results, passing),
            regions=(Region((first,)), Region((second,))),
        )

    def _call(self, operation: Operation) -> Operation:
        callee = self._functions[_callee(operation)]
        kept = self._positions(callee.body.blocks[0].arguments)
        returned = sorted(self._returned[callee.name])
        return self._rewritten(
            operation, operands=_at(operation.operands, kept), results=_at(operation.results, returned)
        )

    def _yielding(self, kept: list[int]) -> Callable[[Operation], Operation]:
        return lambda last: self._rewritten(last, operands=_at(last.operands, kept))

    def _rewritten(
        self,
        operation: Operation,
        *,
        operands: tuple[Value, ...] | None = None,
        results: tuple[Value, ...] | None = None,
        regions: tuple[Region, ...] | None = None,
        groups: tuple[int, ...] | None = None,
    ) -> Operation:
        result = replace(
            operation,
            operands=operation.operands if operands is None else operands,
            results=operation.results if results is None else results,
            regions=operation.regions if regions is None else regions,
            groups=operation.groups if groups is None else groups,
        )
        self._result.origins[result] = operation
        return result


def _at(values: tuple[Value, ...], positions: Iterable[int]) -> tuple[Value, ...]:
    return tuple(values[position] for position in positions)


def _callee(operation: Operation) -> str:
    return operation.keywords[0].removeprefix("@").strip('"')
