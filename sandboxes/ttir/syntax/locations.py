"""Grammar of ``loc(...)`` and the resolution of ``#loc`` aliases, which the text defines after their use.

An alias may be named by many others, so written out a chain could grow exponentially; locations are flat lists of
frames cut at `MAX_FRAMES`, which keeps resolution linear.
"""

from dataclasses import dataclass, field

from sandboxes.ttir.ir import UNKNOWN, Frame, Location
from sandboxes.ttir.syntax.cursor import Cursor
from sandboxes.ttir.syntax.tokens import Token

MAX_FRAMES = 64
MAX_ALIAS_CHAIN = 400


@dataclass(frozen=True, slots=True)
class LocationSyntax:
    """A location as written: own frames, or parts to be joined in order (an alias is a string)."""

    frames: tuple[Frame, ...] = ()
    parts: "tuple[LocationSyntax | str, ...]" = ()
    name: str = ""
    fused: bool = False
    """Parts are alternatives: the first with a position counts."""


@dataclass(slots=True)
class LocationTable:
    """The alias definitions of a module."""

    definitions: dict[str, LocationSyntax] = field(default_factory=dict)
    _resolved: dict[str, Location] = field(default_factory=dict)

    def resolve(self, syntax: LocationSyntax | str, depth: int = 0) -> Location:
        """The location meant by ``syntax``; an unknown or cyclic alias is an unknown location."""
        if depth > MAX_ALIAS_CHAIN:
            return UNKNOWN
        if isinstance(syntax, str):
            known = self._resolved.get(syntax)
            if known is None:
                self._resolved[syntax] = UNKNOWN  # what a cycle sees
                definition = self.definitions.get(syntax)
                known = self.resolve(definition, depth + 1) if definition is not None else UNKNOWN
                self._resolved[syntax] = known
            return known
        frames = syntax.frames
        name = syntax.name
        for part in syntax.parts:
            inner = self.resolve(part, depth + 1)
            name = name or inner.name
            if not (syntax.fused and frames):
                frames = (frames + inner.frames)[:MAX_FRAMES]
        return Location(frames, name)


def alias_of(place: Token) -> str:
    """The alias in ``loc(#alias)``."""
    return place.text[4:-1]


def parse_location(cursor: Cursor) -> LocationSyntax | str:
    """Reads ``loc(...)``."""
    if cursor.token.kind == "place":
        return alias_of(cursor.take())
    cursor.expect("loc")
    cursor.expect("(")
    result = _body(cursor)
    cursor.expect(")")
    return result


def _body(cursor: Cursor) -> LocationSyntax | str:
    cursor.enter()
    result = _location(cursor)
    cursor.leave()
    return result


def _location(cursor: Cursor) -> LocationSyntax | str:
    token = cursor.take()
    if token.kind == "alias":
        return token.text
    if token.text == "unknown":
        return LocationSyntax()
    if token.text == "callsite":
        cursor.expect("(")
        callee = _body(cursor)
        cursor.expect("at")
        caller = _body(cursor)
        cursor.expect(")")
        return LocationSyntax(parts=(callee, caller))
    if token.text == "fused":
        return _fused(cursor)
    if token.kind == "place":
        return alias_of(token)
    if token.text == "loc":
        cursor.expect("(")
        inner = _body(cursor)
        cursor.expect(")")
        return inner
    if token.kind == "string":
        return _file_or_name(cursor, token.text[1:-1])
    raise cursor.error(f"expected a location, found {token.text!r}")


def _fused(cursor: Cursor) -> LocationSyntax:
    if cursor.accept("<"):
        while not cursor.accept(">"):
            cursor.take()
    cursor.expect("[")
    parts = []
    while not cursor.accept("]"):
        parts.append(_body(cursor))
        cursor.accept(",")
    return LocationSyntax(parts=tuple(parts), fused=True)


def _file_or_name(cursor: Cursor, text: str) -> LocationSyntax:
    if cursor.accept("("):
        inner = _body(cursor)
        cursor.expect(")")
        return LocationSyntax(parts=(inner,), name=text)
    if not cursor.accept(":"):
        return LocationSyntax(name=text)
    line = _position(cursor)
    cursor.expect(":")
    column = _position(cursor)
    if cursor.accept("to"):  # a range ends at another ``line:column`` or ``:column``
        if not cursor.at(":"):
            _position(cursor)
        cursor.expect(":")
        _position(cursor)
    return LocationSyntax(frames=(Frame(text, line, column),))


def _position(cursor: Cursor) -> int:
    text = cursor.expect_kind("number").text
    if not text.isdigit() or len(text) > 9:
        raise cursor.error("expected a line or column")
    return int(text)
