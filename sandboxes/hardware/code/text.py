"""TTGIR cut into operations: one per line of the text, as MLIR prints them, with the loops around it.

Not a grammar of the language, whose dialects change from one version of Triton to the next: an operation that nobody
asks about may look as it likes. The text was made by the compiler, but of names and strings that come from a candidate.
So all expressions here are linear, what is quoted is blanked before anything is looked for, and sizes are limited.
"""

import re
from dataclasses import dataclass

MAX_TEXT_BYTES = 2 * 1024 * 1024
"""Loops that are unrolled make long texts; the largest of the built-in solutions has 0.1 MB."""
MAX_OPERATIONS = 20_000
MAX_LINE = 100_000
MAX_DEPTH = 64

QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*+"')
OPERATION = re.compile(r'(?:(%[\w.$:, %-]++)= )?"?([a-z_]\w*\.[\w.]++)"?+')
LAYOUT_ALIAS = re.compile(r"^#([A-Za-z_]\w*) = (#ttn?g\.[^\n]*)$", re.MULTILINE)
LOCATION_ALIAS = re.compile(r"^#(loc\d*) = (loc\([^\n]*)$", re.MULTILINE)
MODULE = re.compile(r"^module attributes \{([^\n]*)\} \{$", re.MULTILINE)
MODULE_NUMBER = re.compile(r'"ttg\.(num-warps|threads-per-warp)" = (\d{1,4})(?!\d)')
PLACE = re.compile(r"loc\(#(loc\d*)\)$")
VALUE = re.compile(r"%[\w.$-]++(?:#\d++)?")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One operation as it is printed."""

    name: str
    """`tt.load`; empty for what closes a region."""
    results: tuple[str, ...]
    """Values it defines, without the number of parts."""
    body: str
    """What follows the name, quoted strings blanked, without its location."""
    place: str
    """Alias of its location; empty if it has none."""
    regions: tuple[int, ...]
    """Numbers of the regions around it, outermost first."""
    loop: int
    """Number of the innermost of them that is a loop; 0 if none is."""
    opens: int
    """Number of the region that begins with it; 0 if there is none."""
    number: int
    """Position in the text."""

    @property
    def looped(self) -> bool:
        """Whether there is a loop around it."""
        return self.loop > 0


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A module in pieces."""

    lines: tuple[Line, ...]
    layouts: dict[str, str]
    """Text of layouts by alias."""
    locations: dict[str, str]
    """Text of locations by alias."""
    warps: int
    warp_size: int


def cut(ttgir: str) -> Text:
    """Returns the pieces of a module.

    Raises:
        ValueError: It is too large or too deep, or no module of Triton's.
    """
    if len(ttgir) > MAX_TEXT_BYTES:
        raise ValueError(f"TTGIR of {len(ttgir)} characters is larger than {MAX_TEXT_BYTES}")
    module = MODULE.search(ttgir)
    numbers = {name: int(value) for name, value in MODULE_NUMBER.findall(module[1])} if module else {}
    warps, warp_size = numbers.get("num-warps", 0), numbers.get("threads-per-warp", 0)
    if warps not in {1, 2, 4, 8, 16, 32, 64} or warp_size not in {32, 64}:
        raise ValueError("This is no TTGIR: it doesn't say how many warps there are, and of how many threads")
    lines = _Lines()
    for raw in ttgir.split("\n"):
        lines.add(raw)
    return Text(
        lines=tuple(lines.lines),
        layouts=dict(LAYOUT_ALIAS.findall(ttgir)),
        locations=dict(LOCATION_ALIAS.findall(ttgir)),
        warps=warps,
        warp_size=warp_size,
    )


class _Lines:
    """Collects operations, and keeps track of the regions that they are in."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._regions: tuple[int, ...] = ()
        self._looped: tuple[bool, ...] = ()
        self._opened = 0

    def add(self, raw: str) -> None:
        line = raw.strip()
        if not line or line[0] in "#^/" or len(line) > MAX_LINE:
            return
        if len(self.lines) >= MAX_OPERATIONS:
            raise ValueError(f"TTGIR with more than {MAX_OPERATIONS} operations")
        if '"' in line:
            line = QUOTED.sub(_kept_name, line)
        closes, opens = line[0] == "}", line[-1] == "{"
        goes_on = False
        if closes and self._regions:
            goes_on = self._looped[-1]
            self._regions, self._looped = self._regions[:-1], self._looped[:-1]
        place = PLACE.search(line)
        found = None if closes else OPERATION.match(line)
        name = found[2] if found else ""
        if opens:
            self._opened += 1
        if name or closes:
            self.lines.append(
                Line(
                    name,
                    tuple(VALUE.findall(found[1])) if found and found[1] else (),
                    line[found.end() if found else 0 : place.start() if place else len(line)],
                    place[1] if place else "",
                    self._regions,
                    next((number for number, loops in reversed(self._around()) if loops), 0),
                    self._opened if opens else 0,
                    len(self.lines),
                )
            )
        if opens:
            if len(self._regions) >= MAX_DEPTH:
                raise ValueError(f"TTGIR that is nested deeper than {MAX_DEPTH} levels")
            self._regions += (self._opened,)
            self._looped += (name in {"scf.for", "scf.while"} or goes_on,)

    def _around(self) -> list[tuple[int, bool]]:
        """Returns the regions that are open, outermost first, and whether each is a loop."""
        return list(zip(self._regions, self._looped, strict=True))


def _kept_name(found: re.Match[str]) -> str:
    """An operation in its general form is quoted: `"tt.reduce"(%x)`."""
    return found[0] if found[0] in {'"tt.reduce"', '"tt.scan"'} else '""'
