"""How facts about a value follow from those of what it is computed from, operation by operation."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import gcd
from typing import Protocol

from sandboxes.hardware.code.axes import HIGHEST, Axes, met, power, shape_in, unknown
from sandboxes.hardware.code.text import Line

CONSTANT = re.compile(r"\s*(?:\{[^}]*\} )?(?:dense<)?(-?\d{1,18}|true|false)\b(?!\.)")
POINTEE = re.compile(r"!tt\.ptr<(?:i|bf|f|ui|si)(\d{1,3})")
PREDICATE = re.compile(r"\s*([a-z]{2,3}),")
DIMENSION = re.compile(r"axis = (\d)")
ORDER = re.compile(r"order = array<i32: ([\d, ]+)>")
START = re.compile(r"start = (\d{1,9})")


class Known(Protocol):
    """Facts that are known already."""

    def of(self, value: str, line: Line, rank: int) -> Axes:
        """Returns the facts of a value as an operand of `line`."""
        ...


Rule = Callable[[Known, Line, Sequence[str], tuple[int, ...]], Axes]


def _constant(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    found = CONSTANT.match(line.body)
    if found is None:
        return unknown(len(shape))
    value = {"true": 1, "false": 0}.get(found[1])
    value = int(found[1]) if value is None else value
    rank = max(len(shape), 1)
    return Axes((1,) * rank, (power(value),) * rank, shape or (1,), value)


def _range(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    start = START.search(line.body)
    return Axes(shape, (power(int(start[1]) if start else 1),), (1,))


def _splat(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, 0)
    return Axes((1,) * len(shape), (inner.divisibility[0],) * len(shape), shape, inner.constant)


def _same(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    return known.of(operands[0], line, len(shape))


def _expand(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, len(shape) - 1)
    axis = DIMENSION.search(line.body)
    if axis is None or int(axis[1]) >= len(shape):
        return unknown(len(shape))
    at = int(axis[1])
    shared = [1 if run > 1 else divisor for run, divisor in zip(inner.contiguity, inner.divisibility, strict=True)]
    divisor = power(inner.constant) if inner.constant is not None else gcd(*shared)

    def put(values: tuple[int, ...], value: int) -> tuple[int, ...]:
        return (*values[:at], value, *values[at:])

    return Axes(put(inner.contiguity, 1), put(inner.divisibility, divisor), put(inner.constancy, 1), inner.constant)


def _reshaped(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    """Only axes of one element come and go; of anything else nothing is known."""
    before = shape_in(line.body)
    inner = known.of(operands[0], line, len(before))
    if [size for size in before if size > 1] != [size for size in shape if size > 1]:
        return unknown(len(shape))
    kept = iter([axis for axis, size in enumerate(before) if size > 1])
    sources = [next(kept) if size > 1 else None for size in shape]
    shared = [1 if run > 1 else divisor for run, divisor in zip(inner.contiguity, inner.divisibility, strict=True)]

    def put(values: tuple[int, ...], value: int) -> tuple[int, ...]:
        return tuple(value if axis is None else values[axis] for axis in sources)

    return Axes(
        put(inner.contiguity, 1), put(inner.divisibility, gcd(*shared)), put(inner.constancy, 1), inner.constant
    )


def _broadcast(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, len(shape))
    before = shape_in(line.body)
    if len(before) != len(shape):
        return unknown(len(shape))
    spread = [old == 1 for old in before]
    return Axes(
        tuple(1 if wide else run for wide, run in zip(spread, inner.contiguity, strict=True)),
        inner.divisibility,
        tuple(size if wide else run for wide, run, size in zip(spread, inner.constancy, shape, strict=True)),
        inner.constant,
    )


def _transposed(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, len(shape))
    order = ORDER.search(line.body)
    axes = [int(axis) for axis in order[1].split(",")] if order else []
    if sorted(axes) != list(range(len(shape))):
        return unknown(len(shape))

    def put(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(values[axis] for axis in axes)

    return Axes(put(inner.contiguity), put(inner.divisibility), put(inner.constancy), inner.constant)


def _sum(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    scale = 1
    if line.name == "tt.addptr":
        bits = POINTEE.search(line.body)
        scale = max(1, int(bits[1]) // 8) if bits else 1
    minus = line.name == "arith.subi"
    runs = (
        max(gcd(ca, kb), 1 if minus else gcd(ka, cb))
        for ca, ka, cb, kb in zip(a.contiguity, a.constancy, b.contiguity, b.constancy, strict=True)
    )
    divisors = (gcd(da, min(db * scale, HIGHEST)) for da, db in zip(a.divisibility, b.divisibility, strict=True))
    constant = None
    if a.constant is not None and b.constant is not None:
        constant = a.constant + (-b.constant if minus else b.constant) * scale
    return Axes(tuple(runs), tuple(divisors), tuple(map(gcd, a.constancy, b.constancy)), constant)


def _product(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    if a.constant == 1:
        return b
    if b.constant == 1:
        return a
    rank = max(len(shape), 1)
    divisors = tuple(
        min((1 if ca > 1 else da) * (1 if cb > 1 else db), HIGHEST)
        for ca, da, cb, db in zip(a.contiguity, a.divisibility, b.contiguity, b.divisibility, strict=True)
    )
    constant = a.constant * b.constant if a.constant is not None and b.constant is not None else None
    return Axes((1,) * rank, divisors, tuple(map(gcd, a.constancy, b.constancy)), constant)


def _quotient(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    if b.constant == 1:
        return a
    rank = max(len(shape), 1)
    constancy = list(map(gcd, a.constancy, b.constancy))
    for axis, size in enumerate(shape):
        if a.contiguity[axis] == size and b.constancy[axis] == size:
            shared = gcd(size, a.divisibility[axis], b.divisibility[axis])
            constancy[axis] = max(constancy[axis], shared)
    return Axes((1,) * rank, (1,) * rank, tuple(constancy))


def _remainder(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    rank = max(len(shape), 1)
    runs = [1] * rank
    for axis, size in enumerate(shape):
        if a.contiguity[axis] == size and b.constancy[axis] == size:
            runs[axis] = gcd(size, a.divisibility[axis], b.divisibility[axis])
    divisors = tuple(map(gcd, a.divisibility, b.divisibility))
    return Axes(tuple(runs), divisors, tuple(map(gcd, a.constancy, b.constancy)))


LEFT_RUNS = frozenset({"slt", "sge", "ult", "uge"})
"""Comparisons that don't change within a run on the left that begins at a multiple of what divides the right."""
RIGHT_RUNS = frozenset({"sle", "sgt", "ule", "ugt"})


def _comparison(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    predicate = PREDICATE.match(line.body)
    name = predicate[1] if predicate else ""
    constancy = list(map(gcd, a.constancy, b.constancy))
    for axis in range(len(constancy)):
        shared = gcd(a.divisibility[axis], b.divisibility[axis])
        if name in LEFT_RUNS:
            constancy[axis] = max(constancy[axis], gcd(a.contiguity[axis], b.constancy[axis], shared))
        if name in RIGHT_RUNS:
            constancy[axis] = max(constancy[axis], gcd(b.contiguity[axis], a.constancy[axis], shared))
    ones = (1,) * len(constancy)
    return Axes(ones, ones, tuple(constancy))


def _logic(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    ones = (1,) * max(len(shape), 1)
    return Axes(ones, ones, tuple(map(gcd, a.constancy, b.constancy)))


def _shifted(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    rank = max(len(shape), 1)
    shift = b.constant if b.constant is not None and 0 <= b.constant < 40 else 0
    divisors = tuple(
        min((1 if run > 1 else divisor) << shift, HIGHEST)
        for run, divisor in zip(a.contiguity, a.divisibility, strict=True)
    )
    return Axes((1,) * rank, divisors, tuple(map(gcd, a.constancy, b.constancy)))


def _choice(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    rank = len(shape)
    a, b = (known.of(each, line, rank) for each in operands[1:3])
    joined = met(a, b)
    if f"tensor<{'x'.join(map(str, shape))}xi1" not in line.body:
        return joined
    mask = known.of(operands[0], line, rank).constancy
    return Axes(tuple(map(gcd, joined.contiguity, mask)), joined.divisibility, tuple(map(gcd, joined.constancy, mask)))


def _extreme(known: Known, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    joined = met(a, b)
    return Axes((1,) * len(joined.contiguity), joined.divisibility, joined.constancy)


RULES: Mapping[str, tuple[Rule, int]] = {
    "arith.constant": (_constant, 0),
    "tt.make_range": (_range, 0),
    "tt.splat": (_splat, 1),
    "tt.expand_dims": (_expand, 1),
    "tt.broadcast": (_broadcast, 1),
    "tt.trans": (_transposed, 1),
    "tt.reshape": (_reshaped, 1),
    "arith.shli": (_shifted, 2),
    "arith.select": (_choice, 3),
    "arith.cmpi": (_comparison, 2),
    "arith.muli": (_product, 2),
    **dict.fromkeys(("arith.addi", "arith.subi", "tt.addptr"), (_sum, 2)),
    **dict.fromkeys(("arith.divsi", "arith.divui"), (_quotient, 2)),
    **dict.fromkeys(("arith.remsi", "arith.remui"), (_remainder, 2)),
    **dict.fromkeys(("arith.andi", "arith.ori", "arith.xori"), (_logic, 2)),
    **dict.fromkeys(("arith.minsi", "arith.maxsi", "arith.minui", "arith.maxui"), (_extreme, 2)),
    **dict.fromkeys(
        ("arith.extsi", "arith.extui", "arith.trunci", "arith.index_cast", "tt.bitcast", "ttg.convert_layout"),
        (_same, 1),
    ),
}
"""How facts follow from those of operands, and how many operands there are at least."""
