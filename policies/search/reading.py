"""Reads a program and finds the numbers that decide how its kernels are launched.

The text is read as tokens, not as a syntax tree: positions are exact, a program that is not quite Python can still be
searched, and `ast.parse` fails in threads on Python 3.11. What looks like a tile size need not be one; the environment
tells, and the search steps back.
"""

import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from policies.search.places import Kind, Place, Site

DEFAULT_WARPS: Final = 4
"""Triton's own, for a launch that does not say."""

MAX_CHARACTERS: Final = 200_000
"""Characters of the longest program that is searched."""

_SILENT: Final = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.ENCODING})
_LAUNCH_OPTIONS: Final = frozenset({"num_warps", "num_stages"})


@dataclass(slots=True)
class _Bracket:
    opener: str
    callee: str = ""
    """Name of what is called; empty if nothing is."""
    launch: bool = False
    definition: str = ""
    """Name of the function whose parameters it holds."""
    commas: int = 0
    index: int = 0
    """Of its token."""
    options: bool = False
    """Whether launch options are given in it, also by `**`."""


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    number: int
    """Unique in the program."""
    depth: int
    """Of the indentation of its body."""
    kernel: bool
    plain: bool
    """Whether nothing but the launch decides the options of the kernel."""


def find_places(source: str) -> tuple[Place, ...]:
    """Returns the numbers of `source` that may be changed, in its order; none if it can't be read as tokens."""
    if len(source) > MAX_CHARACTERS:
        return ()
    try:
        tokens = [token for token in tokenize.generate_tokens(StringIO(source).readline) if token.type not in _SILENT]
    except (tokenize.TokenError, SyntaxError):
        return ()
    found = _Reader(source, tokens).places()
    return tuple(sorted(found, key=lambda place: (place.start, place.end)))


class _Reader:
    """Walks over the tokens once and remembers in which brackets and functions it is."""

    def __init__(self, source: str, tokens: Sequence[tokenize.TokenInfo]) -> None:
        self._source = source
        self._tokens = tokens
        self._starts = [0]
        for line in source.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._brackets: list[_Bracket] = []
        self._functions: list[_Function] = []
        self._decorators: list[str] = []
        self._depth = 0
        self._plain_kernels: set[str] = set()

    def places(self) -> Iterator[Place]:
        for index, token in enumerate(self._tokens):
            if token.type == tokenize.INDENT:
                self._depth += 1
            elif token.type == tokenize.DEDENT:
                self._depth -= 1
                self._leave_functions()
            elif token.type == tokenize.NEWLINE and self._tokens[index + 1].type != tokenize.INDENT:
                self._leave_functions()  # whose body was on one line
            elif token.type == tokenize.NUMBER:
                yield from self._number(index)
            elif token.type == tokenize.OP and token.string in "([{":
                self._open(index)
            elif token.type == tokenize.OP and token.string in ")]}":
                yield from self._close(index)
            elif token.string == "," and self._brackets:
                self._brackets[-1].commas += 1
            elif token.string == "**" and self._brackets:
                self._brackets[-1].options |= self._text(index - 1) in ("(", ",")
            elif token.type == tokenize.NAME:
                self._name(index)

    def _leave_functions(self) -> None:
        while self._functions and self._functions[-1].depth > self._depth:
            self._functions.pop()

    def _text(self, index: int) -> str:
        return self._tokens[index].string if 0 <= index < len(self._tokens) else ""

    def _begins_statement(self, index: int) -> bool:
        """Returns whether the token at `index` is the last one before a statement."""
        return (
            index < 0
            or self._tokens[index].type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            or (self._text(index) == ";" and not self._brackets)
        )

    def _name(self, index: int) -> None:
        text = self._text(index)
        if self._brackets:
            if text in _LAUNCH_OPTIONS and self._text(index + 1) == "=":
                self._brackets[-1].options = True
        elif text == "def":
            jit = any(name.rpartition(".")[2] == "jit" for name in self._decorators)
            plain = jit and len(self._decorators) == 1
            function = _Function(self._text(index + 1), index, self._depth + 1, jit, plain)
            self._functions.append(function)
            if function.plain:
                self._plain_kernels.add(function.name)
            self._decorators = []
        elif self._text(index - 1) == "@" and self._begins_statement(index - 2):
            self._decorators.append(self._dotted(index))
        elif text == "class":
            self._decorators = []

    def _dotted(self, index: int) -> str:
        """Returns the dotted name that starts at `index`."""
        name = self._text(index)
        while self._text(index + 1) == "." and self._tokens[index + 2].type == tokenize.NAME:
            index += 2
            name += f".{self._text(index)}"
        return name

    def _open(self, index: int) -> None:
        bracket = _Bracket(self._text(index), index=index)
        if bracket.opener == "(":
            before = self._tokens[index - 1] if index else None
            if self._text(index - 2) == "def":
                bracket.definition = self._text(index - 1)
            elif before is not None and before.type == tokenize.NAME:
                bracket.callee = before.string
            elif before is not None and before.string == "]":
                bracket.launch, bracket.callee = True, self._subscripted(index - 1)
        self._brackets.append(bracket)

    def _subscripted(self, index: int) -> str:
        """Returns the name before the subscript that ends at `index`."""
        depth = 0
        while index >= 0:
            depth += {"]": 1, ")": 1, "}": 1, "[": -1, "(": -1, "{": -1}.get(self._text(index), 0)
            if depth == 0:
                return self._text(index - 1)
            index -= 1
        return ""

    def _close(self, index: int) -> Iterator[Place]:
        if not self._brackets:
            return
        bracket = self._brackets.pop()
        if bracket.launch and bracket.callee in self._plain_kernels and not bracket.options:
            before = self._text(index - 1)
            lead = {"(": "num_warps=", ",": " num_warps="}.get(before, ", num_warps=")
            end = self._offset(self._tokens[index - 1].end)
            yield Place(
                start=end, end=end, kind=Kind.WARPS, site=Site.IMPLICIT, name="num_warps", scope=self._scope,
                value=DEFAULT_WARPS, lead=lead,
            )  # fmt: skip

    def _number(self, index: int) -> Iterator[Place]:
        token = self._tokens[index]
        start, end = self._offset(token.start), self._offset(token.end)
        if not token.string.isdecimal() or self._source[start:end] != token.string:
            return
        value = int(token.string[:9])
        what = self._what(index)
        if what is None:
            return
        site, name, scope = what
        kind = Kind(name) if name in _LAUNCH_OPTIONS else Kind.TILE
        if value < 1 or (kind is not Kind.STAGES and value & (value - 1)):
            return
        yield Place(start=start, end=end, kind=kind, site=site, name=name, scope=scope, value=value)

    def _what(self, index: int) -> tuple[Site, str, str] | None:
        """Returns site, name and scope of a number; None for one that decides nothing of a launch."""
        before, name = self._text(index - 1), self._text(index - 2)
        inner = self._brackets[-1] if self._brackets else _Bracket("")
        outer = self._brackets[-2] if len(self._brackets) > 1 else None
        kernel = next((function for function in self._functions if function.kernel), None)
        if kernel is not None and not inner.definition:
            arange = inner.callee == "arange" and before == ","
            return Site.KERNEL, "arange" if arange else "", f"{kernel.name} {kernel.number}"
        if self._text(index + 1) not in (",", ")", "}", ";") and self._tokens[index + 1].type != tokenize.NEWLINE:
            return None  # a part of an expression
        if not self._brackets:
            return self._assigned(index) if before == "=" else None
        if before == "=" and inner.definition:
            name = self._parameter(index)
            return (Site.PARAMETER, name, f"parameter {index}") if kernel or name.isupper() else None
        if before == "=" and inner.launch:
            return Site.LAUNCH, name, self._scope
        if before == "=" and inner.callee == "Config" and name in _LAUNCH_OPTIONS:
            return Site.CONFIG, name, f"config {inner.index}"
        if before == ":" and inner.opener == "{" and outer is not None and outer.callee == "Config":
            return Site.CONFIG, name.strip("'\""), f"config {outer.index}"
        if inner.callee == "cdiv" and inner.commas == 1 and before == ",":
            return Site.GRID, "", self._scope
        return None

    def _assigned(self, index: int) -> tuple[Site, str, str] | None:
        """Returns what `NAME = number` or `NAME: type = number` is."""
        first = index
        while not self._begins_statement(first - 1):
            first -= 1
        if self._tokens[first].type != tokenize.NAME or self._text(first + 1) not in ("=", ":"):
            return None
        name = self._text(first)
        return Site.ASSIGNED, name, self._scope if self._functions else f"module {name}"

    def _parameter(self, index: int) -> str:
        """Returns the name of the parameter whose default is at `index`."""
        while self._text(index - 1) not in (",", "(") and index > 0:
            index -= 1
        return self._text(index)

    @property
    def _scope(self) -> str:
        """The outermost function: a grid that is a function inside belongs to the launch around it."""
        return f"{self._functions[0].name} {self._functions[0].number}" if self._functions else "module"

    def _offset(self, position: tuple[int, int]) -> int:
        return self._starts[position[0] - 1] + position[1]
