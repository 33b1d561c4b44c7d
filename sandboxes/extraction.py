"""Finds the candidate's code in what a model wrote: the first station of an evaluation.

Completions mix prose and Markdown, and models bend the rules of fences: they leave the last one open, open a new one
without closing the old one, and quote fences inside docstrings. Nothing is parsed as Python here, because the text is
hostile and this code is trusted; everything is decided line by line in linear time.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sandboxes.contracts import (
    MAX_SOURCE_CHARACTERS,
    Diagnostic,
    EvalConfig,
    Outcome,
    Report,
    Stage,
    Submission,
)

PYTHON_LANGUAGES: Final = frozenset({"python", "py", "python3", "triton"})
PROSE_LANGUAGES: Final = frozenset({"markdown", "md"})

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_TRIPLE_QUOTE = re.compile(r"#|\"\"\"|'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_DEFINES_MODEL = re.compile(r"^(?:class[ \t]+ModelNew\b|ModelNew[ \t]*[:=])", re.MULTILINE)
_LOOKS_LIKE_PYTHON = re.compile(
    r"^(?:import[ \t]+\w[\w.]*[ \t]*(?:$|,|#|as\b)|from[ \t]+[\w.]+[ \t]+import\b"
    r"|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w)",
    re.MULTILINE,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_EXAMPLE = "put the whole program, with `class ModelNew`, into one block that starts with ```python and ends with ```"


@dataclass(slots=True)
class _Block:
    """A fenced block while it is read."""

    indent: str
    fence: str
    language: str
    lines: list[str] = field(default_factory=list)
    quote: str = ""
    """The triple quote of the Python string that is open at the end of the block so far, or empty."""

    @property
    def text(self) -> str:
        return "".join(f"{line.removeprefix(self.indent)}\n" for line in self.lines)

    def is_closed_by(self, fence: str, info: str) -> bool:
        return not info and fence[0] == self.fence[0] and len(fence) >= len(self.fence)


def decode(raw: bytes) -> str:
    """Returns a completion's bytes as text; never fails.

    UTF-8 is expected; byte order marks of UTF-8 and UTF-16 are honoured. A byte that is not UTF-8 becomes a surrogate
    (U+DC80 to U+DCFF), which `extract` tolerates in prose and names when it is part of the code.
    """
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    return raw.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")


def extract(completion: str) -> Submission | Diagnostic:
    """Returns the candidate that a completion holds.

    That is the last fenced block that defines `ModelNew` at its top level, else the last Python block. A text that
    defines it outside of every block, or that has no block and looks like Python, is a source file and taken whole.
    Line ends become `\\n`; lines are counted from the first line of the code.

    Args:
        completion: Markdown, or Python source; any length.

    Returns:
        The candidate, or a diagnostic of stage `extract` if there is none that can be looked at.
    """
    text = completion.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = _choose(text)
    if isinstance(source, Diagnostic):
        return source
    if len(source) > MAX_SOURCE_CHARACTERS:
        return Diagnostic(
            stage=Stage.EXTRACT,
            message=f"the code has {len(source):,} characters; at most {MAX_SOURCE_CHARACTERS:,} are looked at",
            hint="build large tables in `__init__` instead of writing them out",
        )
    if found := _SURROGATE.search(source):
        return _not_text(source, found.start())
    return Submission(source=source)


def report_without_code(diagnostic: Diagnostic, problem: str, config: EvalConfig) -> Report:
    """Returns the report of a completion in which `extract` found no candidate: outcome `no_code`."""
    return Report(
        outcome=Outcome.NO_CODE, submission="", problem=problem, config=config, diagnostics=(diagnostic,), timings_s={}
    )


def _choose(text: str) -> str | Diagnostic:
    """Returns the code in `text`, whatever its length."""
    blocks, outside = _split(text)
    written = [block for block in blocks if block.text.strip()]
    for block in reversed(written):
        if _DEFINES_MODEL.search(block.text):
            return block.text
    if _DEFINES_MODEL.search(outside) or (not written and _LOOKS_LIKE_PYTHON.search(text)):
        return text
    for block in reversed(written):
        if block.language in PYTHON_LANGUAGES or (not block.language and _LOOKS_LIKE_PYTHON.search(block.text)):
            return block.text
    if not text.strip():
        message = "the completion is empty"
    elif written:
        languages = ", ".join(sorted({ascii(block.language[:20])[1:-1] or "no language" for block in written})[:5])
        message = f"none of the completion's {len(written)} fenced blocks ({languages}) is Python"
    else:
        message = f"the completion's {len(text):,} characters hold no fenced code block and are not Python"
    return Diagnostic(stage=Stage.EXTRACT, message=message, hint=_EXAMPLE)


def _split(text: str) -> tuple[list[_Block], str]:
    """Returns the fenced blocks of `text` in order, and everything outside of them.

    A fence inside a triple-quoted string belongs to the code. If that reading leaves a string open at the end of the
    text, the quotes are not what they seem, and every fence counts.
    """
    blocks, outside = _scan(text, minds_strings=True)
    if blocks and blocks[-1].quote:
        blocks, outside = _scan(text, minds_strings=False)
    return blocks, outside


def _scan(text: str, *, minds_strings: bool) -> tuple[list[_Block], str]:
    blocks: list[_Block] = []
    outside: list[str] = []
    block: _Block | None = None
    for line, indent, fence, info in _lines(text):
        if block is None and not fence:
            outside.append(line)
        elif block is not None and (block.quote or not fence):
            block.lines.append(line)
            if minds_strings:
                block.quote = _open_quote(line, block.quote)
        elif block is not None and block.is_closed_by(fence, info):
            block = None
        elif block is None or info:
            # No line of Python starts with a fence, so one with a language opens a block even where the last one was
            # never closed. Markdown that quotes code in turn is prose.
            language = info.split()[0].lower() if info else ""
            block = None
            if language not in PROSE_LANGUAGES:
                block = _Block(indent=indent, fence=fence, language=language)
                blocks.append(block)
        else:
            block.lines.append(line)
    return blocks, "\n".join(outside)


def _lines(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yields each line of `text` with the indent, fence and info string it has as a fence; empty if it is none."""
    for line in text.removesuffix("\n").split("\n"):
        found = _FENCE.match(line)
        yield (line, *((found[1], found[2], found[3].strip()) if found else ("", "", "")))


def _open_quote(line: str, quote: str) -> str:
    """Returns the triple quote that is open after `line`, given the one that is open before it."""
    position = 0
    while True:
        if quote:
            end = line.find(quote, position)
            if end < 0:
                return quote
            position, quote = end + 3, ""
        found = _TRIPLE_QUOTE.search(line, position)
        if found is None or found[0] == "#":
            return ""
        position = found.end()
        if found[0] in ('"""', "'''"):
            quote = found[0]


def _not_text(source: str, position: int) -> Diagnostic:
    """Blames the lone surrogate at `position`: an escaped byte (see `decode`) or half a character."""
    code = ord(source[position])
    name = f"the byte 0x{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else f"the lone surrogate U+{code:04X}"
    return Diagnostic(
        stage=Stage.EXTRACT,
        message=f"{name} in the code is not UTF-8 text",
        line=source.count("\n", 0, position) + 1,
        hint="save the code as UTF-8, or remove the character",
    )
