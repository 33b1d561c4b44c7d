"""What the compiler could prove of addresses and masks.

Triton accesses as many elements at once as a thread holds in a row, if the addresses are consecutive and aligned and
the mask is the same for all of them. What is derived here follows its analysis (`lib/Analysis/AxisInfo.cpp`), on the
operations that addresses are made of; of all others nothing is known, which makes accesses narrower, never wider.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sandboxes.hardware.code.axes import Axes, hinted, met, shape_in, unknown
from sandboxes.hardware.code.rules import RULES
from sandboxes.hardware.code.text import VALUE, Line, Text

MAX_NAMESAKES = 64
"""Values of one name that are looked through; beyond that it is not known which one is meant."""
MAX_SWEEPS = 8
"""Passes over loops until nothing changes any more."""

PARAMETER = re.compile(r"(%[\w.$-]+): ([^{}\n]{1,200}?) (?:\{([^{}]*)\} )?loc\(")
ITERATED = re.compile(r"(%[\w.$-]++) = (%[\w.$#-]++)")

Key = tuple[str, int]
"""A name and the line that defines it."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """A value that goes round in a loop, or counts it: what it may be, first before the loop."""

    number: int
    sources: tuple[Key | None, ...]


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
        self._opening = {line.opens: line for line in text.lines if line.opens}
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

    def _key(self, value: str, line: Line) -> Key | None:
        """Returns which value a name means in a line: the last one before it in a region around it."""
        for number, region in islice(reversed(self._made.get(value, ())), MAX_NAMESAKES):
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
                self._facts[name, line.number] = hinted(unknown(0), attributes or "")
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
            self._facts[line.results[0], line.number] = hinted(self._value(line), line.body)
        for key, carried in entering:
            self._enter(key, carried)
        changed = False
        for key, carried in self._carried.items():
            joined = known = self._facts[key]
            for source in carried.sources:
                facts = self._facts.get(source) if source is not None else None
                joined = met(joined, facts or unknown(len(known.contiguity)))
            if joined != known:
                self._facts[key] = joined
                changed = True
        return changed

    def _enter(self, key: Key, carried: _Carried) -> None:
        """At first a value that goes round is what it was before the loop, but no constant."""
        if key not in self._facts:
            source = carried.sources[0]
            first = self._facts.get(source) if source is not None else None
            self._facts[key] = met(first, first) if first is not None else unknown(0)

    def _value(self, line: Line) -> Axes:
        shape = shape_in(line.body, last=True)
        operands = VALUE.findall(line.body)
        rule, count = RULES[line.name]
        if len(operands) < count:
            return unknown(len(shape))
        found = rule(self, line, operands, shape)
        return found if len(found.contiguity) == max(len(shape), 1) else unknown(len(shape))
