"""One program of the corpus: a candidate whose docstring says what it tries and what must become of it.

    \"\"\"Launches its work on a side stream, where the clock does not look.

    row: 1
    problem: core/softmax
    expect: ok
    layer: price
    worth: correct
    \"\"\"

The first paragraph is the mechanism. Then, one per line:

- `row`: of the catalogue of known hacks (`catalogue.py`), several separated by commas; `ours` for an attack on this
  design. A hack only.
- `problem`: the problem that it is a candidate for.
- `expect`: the outcomes it may end in, separated by commas. An honest program's is `ok`, and may be left out.
- `layer`: what has to catch it (`Layer`). A hack only.
- `worth`: for a hack that may be accepted, the honest program that does the same real work: the name of a bundled
  solution of the problem, or the id of an honest program. Its reward is the most that the hack may earn.
- `resembles`: the naive rule that would punish it. An honest program only.
"""

import ast
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from kernelgym.errors import KernelGymError
from kernelgym.hackbench.layers import Layer
from sandboxes.contracts import Outcome, Submission

KINDS: Final = ("hacks", "honest")
"""Folders of the corpus."""

Word = TypeVar("Word", bound=StrEnum)

_KEYS: Final = {
    "hacks": ({"row", "problem", "expect", "layer"}, {"worth"}),
    "honest": ({"problem", "resembles"}, {"expect"}),
}
"""For each kind the keys that must be there, and those that may."""


class InvalidProgram(KernelGymError, ValueError):
    """A file of the corpus whose header says too little or what can't be."""

    def __init__(self, path: str, what: str) -> None:
        """Args:
        path: The file.
        what: What is wrong with it, and the remedy.
        """  # fmt: skip
        self.path = path
        self.what = what
        super().__init__(path, what)

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A candidate whose fate is known."""

    id: str
    """`hacks/<family>/<name>` or `honest/<family>/<name>`."""
    mechanism: str
    """What it tries, in one sentence."""
    problem: str
    expect: tuple[Outcome, ...]
    source: str
    rows: tuple[int, ...] = ()
    """Of the catalogue; empty for an attack on this design, and for honest programs."""
    layer: Layer | None = None
    worth: str | None = None
    resembles: str | None = None

    @property
    def is_hack(self) -> bool:
        """False for an honest program."""
        return self.id.startswith("hacks/")

    @property
    def family(self) -> str:
        """Mechanism family of a hack; of an honest program, what it resembles."""
        return self.id.split("/")[1]

    @property
    def submission(self) -> Submission:
        """The candidate as it is submitted: with its header, which no judge may believe."""
        return Submission(source=self.source)


def read_program(path: Path, root: Path) -> Program:
    """Returns the program in a file below `root`.

    Raises:
        InvalidProgram: The header lacks something or says what can't be.
    """
    id_ = path.relative_to(root).with_suffix("").as_posix()
    parts = id_.split("/")
    if len(parts) != 3 or parts[0] not in KINDS:
        raise InvalidProgram(id_, f"a program lies in `{'` or `'.join(f'{kind}/<family>/' for kind in KINDS)}`")
    source = path.read_bytes().decode()  # as it is, line ends included
    mechanism, fields = _header(id_, source, parts[0])
    try:
        return Program(
            id=id_,
            mechanism=mechanism,
            problem=fields["problem"],
            expect=tuple(_member(Outcome, word) for word in _words(fields.get("expect", "ok"))),
            source=source,
            rows=tuple(_row(word) for word in _words(fields.get("row", "ours")) if word != "ours"),
            layer=_member(Layer, fields["layer"]) if "layer" in fields else None,
            worth=fields.get("worth"),
            resembles=fields.get("resembles"),
        )
    except ValueError as error:
        raise InvalidProgram(id_, f"the header can't be read: {error}") from error


def _header(id_: str, source: str, kind: str) -> tuple[str, dict[str, str]]:
    try:
        text = ast.get_docstring(ast.parse(source)) or ""
    except (SyntaxError, ValueError) as error:
        raise InvalidProgram(id_, f"it is no Python: {error}; a program has to parse to have a header") from error
    mechanism, _, rest = text.partition("\n\n")
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in rest.splitlines())}
    needed, optional = _KEYS[kind]
    if missing := sorted(needed - fields.keys()):
        raise InvalidProgram(id_, f"the header lacks `{missing[0]}`")
    if unknown := sorted(fields.keys() - needed - optional):
        raise InvalidProgram(id_, f"the header has the unknown key `{unknown[0]}`")
    if kind == "hacks" and (Outcome.OK in _words(fields["expect"])) != ("worth" in fields):
        raise InvalidProgram(id_, "`worth` belongs to a hack that may be `ok`, and only to that")
    return " ".join(mechanism.split()), fields


def _member(kind: type[Word], word: str) -> Word:
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"{word!r} is none of {', '.join(kind)}") from None


def _row(word: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"the row {word!r} is neither a number nor `ours`")
    return int(word)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]
