"""Cuts TTIR text into tokens with one linear regular expression."""

import re
from typing import NamedTuple

from sandboxes.ttir.errors import TTIRSyntaxError

MAX_TEXT_BYTES = 2 * 1024 * 1024

_TOKEN = re.compile(
    r"""
    (?:[ \t\r]|//[^\n]*+)*+
    (?:(?P<newline>\n)
  | (?P<punct>->|::|[()\[\]{}<>,:=*+?/]|-(?![0-9]))
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<value>%[A-Za-z0-9_$.\-]+(?:[#:][0-9]+)?)
  | (?P<label>\^[A-Za-z0-9_$.\-]+)
  | (?P<symbol>@(?:"(?:[^"\\\n]|\\.)*"|[A-Za-z0-9_$.\-]+))
  | (?P<alias>\#[A-Za-z_][A-Za-z0-9_$.\-]*)
  | (?P<hex>-?0x[0-9A-F]+)
  | (?P<dims>(?:[0-9]+x)+(?=[a-z!]))
  | (?P<number>-?[0-9]+(?:\.[0-9]*(?:[eE][+-]?[0-9]+)?)?)
  | (?P<place>loc\(\#[A-Za-z_][A-Za-z0-9_$.\-]*\))
  | (?P<tensor>tensor<(?:[0-9]+x)*+(?:[a-z][A-Za-z0-9]*|!tt\.ptr<[a-z][A-Za-z0-9]*>)>)
  | (?P<word>!?[A-Za-z_][A-Za-z0-9_$.]*)
  | (?P<end>\Z))
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of text, its kind and its 1-based line.

    ``loc(#loc7)``, with which every operation ends, is one token of the kind ``place``; ``tensor<4x8xf32>`` is one of
    the kind ``tensor``, because a kernel names few types many times.
    """

    kind: str
    text: str
    line: int


def tokenise(text: str, line: int = 1) -> list[Token]:
    """Tokens of ``text``, which begins on ``line``, closed by one of kind ``end``.

    Raises:
        TTIRSyntaxError: the text is larger than `MAX_TEXT_BYTES` or holds a character TTIR does not have.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise TTIRSyntaxError(f"TTIR of {len(text)} characters is larger than {MAX_TEXT_BYTES}", 1)
    tokens: list[Token] = []
    make = tuple.__new__  # one call in C per token
    position = 0
    for found in _TOKEN.finditer(text):
        if found.start() != position:
            break
        position = found.end()
        kind = found.lastgroup or ""
        if kind == "newline":
            line += 1
            continue
        tokens.append(make(Token, (kind, found[kind], line)))
        if kind == "end":
            return tokens
    stray = text[position:].lstrip(" \t\r")[:1]
    raise TTIRSyntaxError(f"unexpected character {stray!r}", line)
