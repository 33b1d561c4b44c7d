"""Whether shapes fit together, as MLIR's verifier would see it: nothing that runs is larger than its type says.

The text comes from the candidate and no verifier has read it. Values broadcast lazily, so an addition of a column and a
row that claims four elements would fill all memory; `footprint.py` relies on the shapes of types.
"""

import math
from collections.abc import Callable

from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.ir import Block, DescriptorType, Function, Operation, Value

Shape = tuple[int, ...]

_ELEMENTWISE = frozenset(
    [
        "tt.addptr",
        "tt.atomic_cas",
        "tt.atomic_load",
        "tt.atomic_rmw",
        "tt.atomic_store",
        "tt.bitcast",
        "tt.clampf",
        "tt.extern_elementwise",
        "tt.fp_to_fp",
        "tt.int_to_ptr",
        "tt.load",
        "tt.mulhiui",
        "tt.precise_divf",
        "tt.precise_sqrt",
        "tt.ptr_to_int",
        "tt.store",
        "tt.scan",
    ]
)


def verify(operation: Operation) -> None:
    """Refuses an operation whose shapes contradict each other.

    Raises:
        UnsupportedOperation: with the shapes.
    """
    name = operation.name
    operands = [_shape(value) for value in operation.operands]
    results = [_shape(value) for value in operation.results]
    rule = _RULES.get(name)
    if name == "arith.select" and operands and operands[0] == ():
        holds = len({*operands[1:], *results}) <= 1
    elif name.startswith(("arith.", "math.")) or name in _ELEMENTWISE:
        holds = len({*operands, *results}) <= 1
    else:
        holds = rule is None or rule(operation, operands, results)
    if not holds:
        shapes = ", ".join(str(list(shape)) for shape in operands)
        raise UnsupportedOperation(f"{name} of shapes {shapes} to {[*map(list, results)]}", operation.location)


def verify_passed(operation: Operation, *groups: tuple[Value, ...]) -> None:
    """Refuses values that are handed on, such as what a loop carries, if their shapes differ from place to place.

    Args:
        operation: Who hands them on.
        groups: The same values at each place, by position.
    """
    for values in zip(*groups, strict=False):
        if len({_shape(value) for value in values}) > 1:
            shapes = " to ".join(str(list(_shape(value))) for value in values)
            raise UnsupportedOperation(f"{operation.name} that hands on {shapes}", operation.location)


def verify_regions(operation: Operation, functions: dict[str, Function]) -> None:
    """Refuses control flow whose values change their shape on the way into or out of a region or function."""
    blocks = [region.blocks[0] for region in operation.regions if region.blocks]
    if operation.name == "scf.for" and blocks:
        carried, results = operation.operands[3:], operation.results
        verify_passed(operation, carried, blocks[0].arguments[1:], results, _last(blocks[0]))
        verify_passed(operation, operation.operands[:1], blocks[0].arguments[:1])
    elif operation.name == "scf.if":
        for block in blocks:
            verify_passed(operation, operation.results, _last(block))
    elif operation.name == "scf.while" and len(blocks) == 2:
        before, after = blocks
        verify_passed(operation, operation.operands, before.arguments, _last(after))
        verify_passed(operation, operation.results, after.arguments, _last(before)[1:])
    elif operation.name == "tt.call" and operation.keywords:
        callee = functions.get(operation.keywords[0].removeprefix("@").strip('"'))
        if callee is not None:
            verify_passed(operation, operation.operands, callee.body.blocks[0].arguments)
            for block in callee.body.blocks:
                if block.operations and block.operations[-1].name == "tt.return":
                    verify_passed(operation, operation.results, _last(block))


def verify_branches(block: Block, labels: dict[str, Block]) -> None:
    """Refuses a branch that hands values to a block of other shapes."""
    if not block.operations or not block.operations[-1].successors:
        return
    last = block.operations[-1]
    position = len(last.operands) - sum(last.groups)
    for label, size in zip(last.successors, last.groups, strict=False):
        if label in labels:
            verify_passed(last, last.operands[position : position + size], labels[label].arguments)
        position += size


def _last(block: Block) -> tuple[Value, ...]:
    return block.operations[-1].operands if block.operations else ()


def _shape(value: Value) -> Shape:
    return value.type.block.shape if isinstance(value.type, DescriptorType) else shape_of(value.type)


def _whole(operation: Operation, key: str) -> int:
    return int(str(operation.attributes[key]))


def _same_numel(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    return sum(map(math.prod, operands)) == sum(map(math.prod, results))


def _broadcasts(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    return len(operands[0]) == len(results[0]) and all(
        source in (1, target) for source, target in zip(operands[0], results[0], strict=True)
    )


def _expands(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    axis = _whole(operation, "axis")
    return results[0] == (*operands[0][:axis], 1, *operands[0][axis:])


def _permutes(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    order = operation.attributes["order"]
    return isinstance(order, tuple) and results[0] == tuple(operands[0][int(str(axis))] for axis in order)


def _reduces(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    axis = _whole(operation, "axis")
    rest = (*operands[0][:axis], *operands[0][axis + 1 :])
    return len(set(operands)) == 1 and set(results) == {rest}


def _multiplies(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    a, b, c = operands
    return results == [c] and c == (*a[:-1], b[-1]) and b[:-2] == a[:-2] and a[-1] == b[-2]


def _multiplies_scaled(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    a, b = operands[0], operands[operation.groups[0]]
    # two values share a byte along either axis
    return results == [operands[-1]] and math.prod(a[:-1]) * b[-1] <= 4 * math.prod(results[0])


def _gathers(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    return results == [operands[1]] and len(operands[0]) == len(operands[1])


def _gathers_rows(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    return math.prod(operands[1]) * operands[0][-1] == math.prod(results[0])


def _scatters_rows(operation: Operation, operands: list[Shape], results: list[Shape]) -> bool:
    return math.prod(operands[1]) * operands[0][-1] == math.prod(operands[-1])


_RULES: dict[str, Callable[[Operation, list[Shape], list[Shape]], bool]] = {
    "tt.splat": lambda operation, operands, results: operands == [()],
    "tt.unsplat": lambda operation, operands, results: math.prod(operands[0]) == 1 and results == [()],
    "tt.broadcast": _broadcasts,
    "tt.expand_dims": _expands,
    "tt.reshape": _same_numel,
    "tt.trans": _permutes,
    "tt.cat": _same_numel,
    "tt.join": _same_numel,
    "tt.split": _same_numel,
    "tt.reduce": _reduces,
    "tt.dot": _multiplies,
    "tt.dot_scaled": _multiplies_scaled,
    "tt.gather": _gathers,
    "tt.map_elementwise": lambda operation, operands, results: len({*operands, *results}) == 1,
    "tt.descriptor_gather": _gathers_rows,
    "tt.descriptor_scatter": _scatters_rows,
}
