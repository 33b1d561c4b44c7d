"""What the compiler could prove of addresses and masks: runs of neighbours, alignment, runs of equal values.

Triton accesses as many elements at once as a thread holds in a row, if the addresses are consecutive and aligned and
the mask is the same for all of them. What is derived here follows its analysis (`lib/Analysis/AxisInfo.cpp`), on the
operations that addresses are made of; of all others nothing is known, which makes accesses narrower, never wider.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from sandboxes.hardware.code.text import VALUE, Line, Text

HIGHEST = 1 << 40
"""Divisibility of 0."""
MAX_SWEEPS = 8
"""Passes over loops until nothing changes any more."""

TENSOR = re.compile(r"tensor<((?:\d{1,9}x)+)([^<>,]+(?:<[^<>]*>)?)")
ATTRIBUTE = re.compile(r"tt\.(contiguity|divisibility|constancy) = (?:dense<\[?([\d, ]{1,200})\]?>|(\d{1,12}))")
PARAMETER = re.compile(r"(%[\w.$-]+): ([^{}\n]{1,200}?) (?:\{([^{}]*)\} )?loc\(")
CONSTANT = re.compile(r"\s*(?:\{[^}]*\} )?(?:dense<)?(-?\d{1,18}|true|false)\b(?!\.)")
ITERATED = re.compile(r"(%[\w.$-]++) = (%[\w.$#-]++)")
POINTEE = re.compile(r"!tt\.ptr<(?:i|bf|f|ui|si)(\d{1,3})")
PREDICATE = re.compile(r"\s*([a-z]{2,3}),")
DIMENSION = re.compile(r"axis = (\d)")
ORDER = re.compile(r"order = array<i32: ([\d, ]+)>")


@dataclass(frozen=True, slots=True)
class Axes:
    """Facts along each axis; scalars have one axis."""

    contiguity: tuple[int, ...]
    """Neighbours in a row that differ by one, in aligned groups."""
    divisibility: tuple[int, ...]
    """Power of two that divides the first of each such group; in bytes for addresses."""
    constancy: tuple[int, ...]
    """Neighbours in a row that are equal, in aligned groups."""
    constant: int | None = None
    """The value of all, if it is known."""


def unknown(rank: int) -> Axes:
    """Returns what holds for anything."""
    ones = (1,) * max(rank, 1)
    return Axes(ones, ones, ones)


def power(value: int) -> int:
    """Returns the highest power of two that divides `value`."""
    return min(value & -value, HIGHEST) if value else HIGHEST


def shape_in(text: str, *, last: bool = False) -> tuple[int, ...]:
    """Returns the shape of the first tensor type in `text`, or the last; () for scalars."""
    found = TENSOR.findall(text)
    if not found:
        return ()
    return tuple(int(size) for size in found[-1 if last else 0][0].split("x")[:-1])


class Analysis:
    """The facts of all values that addresses and masks of a module are made of.

    A name may stand for different values in regions side by side, so values go by name and the line that makes them.

    Args:
        text: The module.
        wanted: Lines whose operands are asked for later.
    """

    def __init__(self, text: Text, wanted: Iterable[Line]) -> None:
        self._facts: dict[Key, Axes] = {}
        self._made: dict[str, list[tuple[int, int]]] = {}
        self._text = text
        self._carried: dict[Key, _Carried] = {}
        for line in text.lines:
            self._note(line)
        needed = self._needed(wanted)
        for _ in range(MAX_SWEEPS):
            if not self._sweep(needed):
                return
        for value in self._carried:
            self._facts[value] = unknown(len(self._facts[value].contiguity)) if value in self._facts else unknown(0)
        self._carried = {}
        self._sweep(needed)

    def of(self, value: str, line: Line, rank: int) -> Axes:
        """Returns the facts of a value as an operand of `line`."""
        key = self._key(value, line)
        found = self._facts.get(key) if key is not None else None
        return found if found is not None and len(found.contiguity) == max(rank, 1) else unknown(rank)

    def _key(self, value: str, line: Line) -> "Key | None":
        """Returns which value a name means in a line: the last one before it in a region around it."""
        for number, region in reversed(self._made.get(value, ())):
            if number < line.number and (region in line.regions or not region):
                return value, number
        return None

    def _note(self, line: Line) -> None:
        """Notes what a line defines, for itself and for the region that it opens."""
        around = line.regions[-1] if line.regions else 0
        for result in line.results:
            self._made.setdefault(result, []).append((line.number, around))
        if line.name == "tt.func":
            for name, _, attributes in PARAMETER.findall(line.body):
                self._made.setdefault(name, []).append((line.number, line.opens))
                self._facts[name, line.number] = _hinted(unknown(0), attributes or "")
        elif line.name == "scf.for":
            head = line.body.partition(" iter_args(")
            values = VALUE.findall(head[0])
            if len(values) >= 4:
                self._made.setdefault(values[0], []).append((line.number, line.opens))
                sources = (self._key(values[1], line), self._key(values[3], line))
                self._carried[values[0], line.number] = _Carried(line.number, sources)
            for argument, first in ITERATED.findall(head[2].partition(") -> ")[0]):
                self._made.setdefault(argument, []).append((line.number, line.opens))
                self._carried[argument, line.number] = _Carried(line.number, (self._key(first, line),))
        elif line.name == "scf.yield" and line.regions:
            self._yield(line)

    def _yield(self, line: Line) -> None:
        """Notes what goes round in the loop that `line` ends, and what comes out of it."""
        loop = next(
            (each for each in reversed(self._text.lines[: line.number]) if each.opens == line.regions[-1]), None
        )
        if loop is None or loop.name != "scf.for":
            return
        arguments = [name for name, _ in ITERATED.findall(loop.body.partition(" iter_args(")[2].partition(") -> ")[0])]
        values = VALUE.findall(line.body)
        if len(arguments) != len(values):
            return
        around = loop.regions[-1] if loop.regions else 0
        for place, (argument, value) in enumerate(zip(arguments, values, strict=True)):
            first = self._carried[argument, loop.number].sources[0]
            carried = _Carried(loop.number, (first, self._key(value, line)))
            self._carried[argument, loop.number] = carried
            for result in loop.results:
                name = result if len(arguments) == 1 else f"{result}#{place}"
                if name != result:
                    self._made.setdefault(name, []).append((loop.number, around))
                self._carried[name, loop.number] = carried

    def _needed(self, wanted: Iterable[Line]) -> list[Line]:
        """Lines that the values come from, in text order."""
        seen: set[Key | None] = {None}
        lines: dict[int, Line] = {}
        waiting = [self._key(value, line) for line in wanted for value in VALUE.findall(line.body)]
        while waiting:
            key = waiting.pop()
            if key in seen or key is None:
                continue
            seen.add(key)
            if (carried := self._carried.get(key)) is not None:
                waiting += carried.sources
                continue
            line = self._text.lines[key[1]]
            if line.number not in lines and line.name in RULES:
                lines[line.number] = line
                waiting += [self._key(value, line) for value in VALUE.findall(line.body)]
        self._carried = {key: carried for key, carried in self._carried.items() if key in seen}
        return [lines[number] for number in sorted(lines)]

    def _sweep(self, lines: Sequence[Line]) -> bool:
        """Goes over the lines once; returns whether what loops carry has changed."""
        entering = sorted(self._carried.items(), key=lambda each: -each[1].number)
        for line in lines:
            while entering and entering[-1][1].number < line.number:
                self._enter(*entering.pop())
            self._facts[line.results[0], line.number] = _hinted(self._value(line), line.body)
        for key, carried in entering:
            self._enter(key, carried)
        changed = False
        for key, carried in self._carried.items():
            met = known = self._facts[key]
            for source in carried.sources:
                facts = self._facts.get(source) if source is not None else None
                met = _met(met, facts or unknown(len(known.contiguity)))
            if met != known:
                self._facts[key] = met
                changed = True
        return changed

    def _enter(self, key: "Key", carried: "_Carried") -> None:
        """At first a value that goes round is what it was before the loop, but no constant."""
        if key not in self._facts:
            source = carried.sources[0]
            first = self._facts.get(source) if source is not None else None
            self._facts[key] = _met(first, first) if first is not None else unknown(0)

    def _value(self, line: Line) -> Axes:
        shape = shape_in(line.body, last=True)
        operands = VALUE.findall(line.body)
        rule, count = RULES[line.name]
        if len(operands) < count:
            return unknown(len(shape))
        found = rule(self, line, operands, shape)
        return found if len(found.contiguity) == max(len(shape), 1) else unknown(len(shape))


Key = tuple[str, int]
"""A name and the line that defines it."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """A value that goes round in a loop, or counts it: what it may be, first before the loop."""

    number: int
    sources: tuple[Key | None, ...]


def _met(a: Axes, b: Axes) -> Axes:
    """Returns what holds for both; a constant is forgotten."""
    if len(a.contiguity) != len(b.contiguity):
        return unknown(len(a.contiguity))
    joined = [tuple(map(gcd, *pair)) for pair in ((a.contiguity, b.contiguity), (a.divisibility, b.divisibility))]
    constancy = tuple(map(gcd, a.constancy, b.constancy))
    return Axes(joined[0], joined[1], constancy)


def _hinted(facts: Axes, text: str) -> Axes:
    """Facts as the author promised them: `tl.multiple_of`, `tl.max_contiguous`, specialised parameters."""
    if "tt." not in text:
        return facts
    changed = {}
    for name, values, value in ATTRIBUTE.findall(text):
        numbers = tuple(int(each) for each in (values or value).replace(",", " ").split())
        rank = len(facts.contiguity)
        numbers = numbers * rank if len(numbers) == 1 else numbers
        if len(numbers) == rank and all(0 < number <= HIGHEST for number in numbers):
            changed[name] = tuple(map(power, numbers))
    return Axes(
        changed.get("contiguity", facts.contiguity),
        changed.get("divisibility", facts.divisibility),
        changed.get("constancy", facts.constancy),
        facts.constant,
    )


Rule = Callable[[Analysis, Line, Sequence[str], tuple[int, ...]], Axes]


def _constant(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    found = CONSTANT.match(line.body)
    if found is None:
        return unknown(len(shape))
    value = {"true": 1, "false": 0}.get(found[1])
    value = int(found[1]) if value is None else value
    rank = max(len(shape), 1)
    return Axes((1,) * rank, (power(value),) * rank, shape or (1,), value)


def _range(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    start = re.search(r"start = (\d{1,9})", line.body)
    return Axes(shape, (power(int(start[1]) if start else 1),), (1,))


def _splat(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, 0)
    return Axes((1,) * len(shape), (inner.divisibility[0],) * len(shape), shape, inner.constant)


def _same(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    return known.of(operands[0], line, len(shape))


def _expand(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _broadcast(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _transposed(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    inner = known.of(operands[0], line, len(shape))
    order = ORDER.search(line.body)
    axes = [int(axis) for axis in order[1].split(",")] if order else []
    if sorted(axes) != list(range(len(shape))):
        return unknown(len(shape))

    def put(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(values[axis] for axis in axes)

    return Axes(put(inner.contiguity), put(inner.divisibility), put(inner.constancy), inner.constant)


def _sum(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _product(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _quotient(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _remainder(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _comparison(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
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


def _logic(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    ones = (1,) * max(len(shape), 1)
    return Axes(ones, ones, tuple(map(gcd, a.constancy, b.constancy)))


def _shifted(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    rank = max(len(shape), 1)
    shift = b.constant if b.constant is not None and 0 <= b.constant < 40 else 0
    divisors = tuple(
        min((1 if run > 1 else divisor) << shift, HIGHEST)
        for run, divisor in zip(a.contiguity, a.divisibility, strict=True)
    )
    return Axes((1,) * rank, divisors, tuple(map(gcd, a.constancy, b.constancy)))


def _choice(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    rank = len(shape)
    a, b = (known.of(each, line, rank) for each in operands[1:3])
    met = _met(a, b)
    if f"tensor<{'x'.join(map(str, shape))}xi1" not in line.body:
        return met
    mask = known.of(operands[0], line, rank).constancy
    return Axes(tuple(map(gcd, met.contiguity, mask)), met.divisibility, tuple(map(gcd, met.constancy, mask)))


def _extreme(known: Analysis, line: Line, operands: Sequence[str], shape: tuple[int, ...]) -> Axes:
    a, b = (known.of(each, line, len(shape)) for each in operands[:2])
    met = _met(a, b)
    return Axes((1,) * len(met.contiguity), met.divisibility, met.constancy)


RULES: Mapping[str, tuple[Rule, int]] = {
    "arith.constant": (_constant, 0),
    "tt.make_range": (_range, 0),
    "tt.splat": (_splat, 1),
    "tt.expand_dims": (_expand, 1),
    "tt.broadcast": (_broadcast, 1),
    "tt.trans": (_transposed, 1),
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
