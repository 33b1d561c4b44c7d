"""Where in the candidate's source an operation of the compiled code comes from, as TTIR's own locations say it."""

import re
from collections.abc import Mapping

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.syntax.cursor import Cursor
from sandboxes.ttir.syntax.locations import LocationTable, parse_location
from sandboxes.ttir.syntax.tokens import tokenise

MAX_LOCATION = 4096
"""Characters of one location."""
MAX_ALIASES = 20_000
"""Locations that are read; others are not known."""

ALIAS = re.compile(r"#(loc\d*)\b")


class Places:
    """The locations of a module, read when they are asked for.

    Args:
        texts: Text of each location by its alias, without the `#`.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._table = LocationTable()
        self._left = MAX_ALIASES
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, alias: str) -> tuple[int, int]:
        """Returns line and column of the innermost position outside Triton's library; zeros if it is not known."""
        if (known := self._known.get(alias)) is not None:
            return known
        self._read(alias)
        frame = self._table.resolve(f"#{alias}").user_frame()
        found = self._known[alias] = (frame.line, frame.column) if frame is not None else (0, 0)
        return found

    def _read(self, alias: str) -> None:
        """Parses a location and all that it is made of."""
        waiting = [alias]
        while waiting:
            name = waiting.pop()
            text = self._texts.get(name, "")
            if f"#{name}" in self._table.definitions or not text or len(text) > MAX_LOCATION or self._left <= 0:
                continue
            self._left -= 1
            try:
                syntax = parse_location(Cursor(tokenise(text)))
            except TTIRSyntaxError:
                continue
            if isinstance(syntax, str):
                continue
            self._table.definitions[f"#{name}"] = syntax
            waiting += ALIAS.findall(text)
