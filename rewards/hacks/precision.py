"""Detector of arithmetic in a narrower format than the problem's (hack 55).

Products of float32 may round their inputs to TF32, nothing else. float16 has TF32's mantissa: no tolerance tells
one from the other, but it is twice as fast, half as large and overflows. So the graph decides.
"""

from collections.abc import Iterator
from typing import Final

from rewards.hacks.detector import Detector
from rewards.hacks.numbers import MEMORY, Place
from rewards.hacks.rounding import BITS, CALL, Roundings, element
from sandboxes.contracts import AtenCall, Finding, Launch, Severity, TensorSpec
from sandboxes.gate import Evidence
from sandboxes.ttir import parse

NARROWED: Final = ("int16", "uint16")
"""Integers that hold a weight in half the space, as exactly as TF32 does."""


def _lower_precision(evidence: Evidence) -> Iterator[Finding]:
    formats = {spec.dtype for spec in evidence.reference.values} & set(BITS)
    narrowest = min((BITS[name] for name in formats), default=0)
    if not _has_narrow(evidence, narrowest):
        return
    roundings = Roundings(evidence, narrowest)
    for words, line in (*_constants(roundings, narrowest), *_products(roundings), *_tensors(roundings)):
        theirs = f"nothing in the reference is narrower than {narrowest} bits"
        text = f"{words}; {theirs}, and the precision policy knows no other rounding than to TF32"
        yield evidence.finding("lower_precision", Severity.REJECT, text, line)
        return


def _has_narrow(evidence: Evidence, narrowest: int) -> bool:
    """True if anything in the trace is worth a look."""
    if any(BITS.get(spec.dtype, 64) < narrowest or spec.dtype in NARROWED for spec in evidence.trace.values):
        return True
    texts = {variant.ttir for _, launch in evidence.live_launches for variant in launch.variants}
    kinds = (
        element(result)
        for text in texts
        for function in parse(text).functions
        for operation in function.walk()
        for result in operation.results
    )
    return any(kind is not None and kind.is_float and kind.bits < narrowest for kind in kinds)


def _products(roundings: Roundings) -> Iterator[tuple[str, int | None]]:
    """Finds products in kernels of what was rounded."""
    for product in roundings.products:
        launch = roundings.numbers.kernels[product.kernel].launch
        line = product.operation.location.user_line() or launch.line
        for value, kind in product.factors:
            if roundings.is_narrow(kind):
                for origin in sorted(roundings.of((product.kernel, value.index)) - roundings.made_up_for):
                    if not (origin[0] == MEMORY and _is_split(roundings, origin[1])):
                        kinds = " by ".join(kind.name for _, kind in product.factors)
                        words = _words(roundings, origin)
                        yield f"`{launch.kernel}` multiplies matrices, {kinds}: {words}", line


def _tensors(roundings: Roundings) -> Iterator[tuple[str, int | None]]:
    """Finds tensors in between that hold what was rounded."""
    for kernel, operation, data in roundings.numbers.stores:
        launch = roundings.numbers.kernels[kernel].launch
        behind = roundings.numbers.kernels[kernel].storages.get(operation.operands[0].index, frozenset())
        value = next(item for item in operation.operands if item.index == data[1])
        if roundings.is_narrow(element(value)) and any((MEMORY, storage) in roundings.live for storage in behind):
            for origin in sorted(roundings.of(data) - roundings.made_up_for):
                if origin[0] != MEMORY:
                    text = f"`{launch.kernel}` keeps narrow numbers in memory: {_words(roundings, origin)}"
                    yield text, operation.location.user_line() or launch.line
    for index, node in enumerate(roundings.evidence.trace.nodes):
        if isinstance(node, AtenCall) and roundings.rounds(node) and (CALL, index) not in roundings.made_up_for:
            written = roundings.evidence.flow.nodes[index].writes
            if any((MEMORY, storage) in roundings.live for storage in written):
                yield f"{_words(roundings, (CALL, index))}, which reaches the output", node.line


def _constants(roundings: Roundings, narrowest: int) -> Iterator[tuple[str, int | None]]:
    """Finds tensors of `__init__` that stand in for weights."""
    evidence = roundings.evidence
    weights = [evidence.reference.values[item.value] for item in evidence.reference.constants]
    read = _constants_read(roundings)
    sizes = [spec.numel for spec in weights if spec.numel > 1]
    wide = [spec.numel for spec in read.values() if BITS.get(spec.dtype, 0) >= narrowest]
    missing = [size for size in set(sizes) if sizes.count(size) > wide.count(size)]
    for storage, spec in read.items():
        half = BITS.get(spec.dtype, 64) < narrowest and (spec.numel in sizes or missing)
        packed = spec.dtype in NARROWED and narrowest > 16 and spec.numel in missing
        if spec.numel > 1 and (half or packed) and not _is_split(roundings, storage):
            there = ", ".join(sorted({str(weight) for weight in weights if weight.numel > 1})[:4])
            yield f"{spec}, made in `__init__`, stands in for weights of the reference ({there})", None


def _constants_read(roundings: Roundings) -> dict[int, TensorSpec]:
    evidence = roundings.evidence
    held = {evidence.flow.storage[item.value]: evidence.trace.values[item.value] for item in evidence.trace.constants}
    return {storage: spec for storage, spec in held.items() if (MEMORY, storage) in roundings.live}


def _is_split(roundings: Roundings, storage: int) -> bool:
    """True if a weight's parts are all multiplied and together as wide as the weight."""
    evidence, read = roundings.evidence, _constants_read(roundings)
    if storage not in read:
        return False
    size = read[storage].numel
    parts = [
        BITS[spec.dtype]
        for held, spec in read.items()
        if spec.numel == size and roundings.is_narrow(spec.dtype) and (MEMORY, held) in roundings.multiplied
    ]
    weights = [evidence.reference.values[item.value] for item in evidence.reference.constants]
    whole = [BITS.get(spec.dtype, 0) for spec in weights if spec.numel == size]
    return len(parts) > 1 and sum(parts) >= max(sum(whole), 2 * max(parts))


def _words(roundings: Roundings, origin: Place) -> str:
    evidence = roundings.evidence
    if origin[0] == CALL:
        node = evidence.trace.nodes[origin[1]]
        assert not isinstance(node, Launch)
        return f"`{node.operator}` (node {origin[1]}) rounds to {roundings.narrow_result(node)}"
    if origin[0] == MEMORY:
        spec = next(
            spec for held, spec in zip(evidence.flow.storage, evidence.trace.values, strict=True) if held == origin[1]
        )
        whose = "an input" if origin[1] in evidence.flow.input_storages else "made in `__init__`"
        return f"they are read from {spec}, {whose}"
    made = roundings.numbers.made(origin)
    assert made is not None
    before, after = element(made.operands[0]), element(made.results[0])
    kernel = roundings.numbers.kernels[origin[0]].launch.kernel
    return (
        f"they were rounded from {before.name if before else '?'} to {after.name if after else '?'} in `{kernel}`, "
        f"line {made.location.user_line()}"
    )


PRECISION = (
    Detector(
        name="lower_precision",
        severity=Severity.REJECT,
        summary="Factors of products, weights or tensors in between are narrower than anything in the reference.",
        examine=_lower_precision,
    ),
)
