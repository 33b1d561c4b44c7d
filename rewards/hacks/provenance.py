"""How a kernel makes the data it stores: backwards from every store to the loads, past addresses and masks."""

from collections import defaultdict

from sandboxes.ttir import Function, Module, Operation, Region

STORED = {"tt.store": 1, "tt.descriptor_store": -1, "tt.descriptor_scatter": -1}
"""Operations that write data, and which of their operands the data is."""

LOADS = frozenset({"tt.load", "tt.descriptor_load", "tt.descriptor_gather"})
"""Where data comes from, however its address was computed."""

COMPUTING = ("arith.", "math.", "tt.dot", "tt.reduce", "tt.scan", "tt.atomic", "tt.extern", "tt.histogram", "tt.gather")
"""Prefixes of operations on data."""

CONVERTING = frozenset(
    {
        "arith.constant", "arith.bitcast", "arith.extf", "arith.truncf", "arith.extsi", "arith.extui", "arith.trunci",
        "arith.sitofp", "arith.uitofp", "arith.fptosi", "arith.fptoui", "arith.index_cast",
    }
)  # fmt: skip
"""Operations that change a number's format only."""

STEERING = {"scf.if": 1, "scf.for": 3}
"""How many leading operands decide only how often something runs."""


def makers(module: Module) -> list[Operation]:
    """Returns the operations that took part in making what a kernel writes; atomics are among them themselves."""
    functions = {function.name: function for function in module.functions}
    operations = [operation for function in module.functions for operation in function.walk()]
    made_by = {result.index: operation for operation in operations for result in operation.results}
    sources = _sources(operations, functions)
    stores = [op for op in operations if op.name in STORED]
    wanted = [
        data.index for op in stores for data in op.operands[STORED[op.name] :][:1]
    ]  # none where text is malformed
    found = [operation for operation in operations if operation.name.startswith("tt.atomic")]
    seen: set[int] = set()
    while wanted:
        value = wanted.pop()
        if value not in seen:
            seen.add(value)
            found += [made_by[value]] if value in made_by else []
            wanted += sources[value]
    return found


def computes(operation: Operation) -> bool:
    """True for operations that make new numbers: neither constants nor conversions nor moves."""
    return operation.name.startswith(COMPUTING) and operation.name not in CONVERTING


def _sources(operations: list[Operation], functions: dict[str, Function]) -> dict[int, list[int]]:
    """Returns for each value those it is made of."""
    sources: dict[int, list[int]] = defaultdict(list)
    for function in functions.values():
        _join(function.body, _handed_on(function.body), sources)
    for operation in operations:
        operands = [operand.index for operand in operation.operands[STEERING.get(operation.name, 0) :]]
        handed_on = [index for region in operation.regions for index in _handed_on(region)]
        callee = functions.get(operation.keywords[0].removeprefix("@").strip('"')) if operation.keywords else None
        if operation.name == "tt.call" and callee is not None:
            handed_on += _handed_on(callee.body)
            for parameter, operand in zip(callee.parameters, operands, strict=False):
                sources[parameter.value.index].append(operand)
            operands = []
        for region in operation.regions:
            _join(region, operands + handed_on, sources)
        if operation.name not in LOADS:
            for result in operation.results:
                sources[result.index] += operands + handed_on
    return sources


def _handed_on(region: Region) -> list[int]:
    """Returns what the ends of a region's blocks pass to other blocks or to whoever runs the region."""
    ends = [block.operations[-1] for block in region.blocks if block.operations]
    return [operand.index for end in ends for operand in end.operands]


def _join(region: Region, incoming: list[int], sources: dict[int, list[int]]) -> None:
    """Lets every block argument of a region come from any of the incoming values."""
    for block in region.blocks:
        for argument in block.arguments:
            sources[argument.index] += incoming
