"""Pairs of programs, of which it is known which is faster: read from `pairs.yaml`, made of kernels/ and references/.

The numbers at the top of a kernel or a reference are its knobs: a pair says which of them have another value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from kernelgym.problems import Problem
from kernelgym.problems.reference_file import make_problem
from sandboxes.contracts import Submission

FOLDER: Final = Path(__file__).parent
EAGER: Final = "eager"
"""Kernel of a side that is the reference itself, as ATen operators."""
TARGET: Final = "h200"
"""Where a pair says nothing else."""

Knobs = tuple[tuple[str, Any], ...]


class MalformedPair(ValueError):
    """A pair names something that is not there, or says nothing of where its order is known from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One program at one shape on one GPU."""

    kernel: str
    """File in kernels/, or `EAGER`."""
    knobs: Knobs
    reference: str
    """File in references/."""
    sizes: Knobs
    target: str

    def submission(self) -> Submission:
        """Returns the program.

        Raises:
            MalformedPair: The kernel has no such knob.
        """
        return Submission(source=with_knobs(FOLDER / "kernels" / f"{self.kernel}.py", self.knobs))

    def problem(self) -> Problem:
        """Returns what the program has to compute, at its shape.

        Raises:
            MalformedPair: The reference has no such size.
        """
        sizes = "-".join(f"{name}_{value}" for name, value in self.sizes).lower()
        name = f"{self.reference}-{sizes}" if sizes else self.reference
        source = with_knobs(FOLDER / "references" / f"{self.reference}.py", self.sizes)
        return make_problem(f"ordered/{name}", source, title=name)

    def words(self) -> str:
        """Returns the program for people: `matmul (GROUP=1)`."""
        knobs = ", ".join(f"{name}={value}" for name, value in self.knobs)
        return f"{self.kernel} ({knobs})" if knobs else self.kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two programs and why one of them is faster."""

    name: str
    category: str
    faster: Side
    slower: Side
    source: str
    """Where that is established; empty if it only follows from counting."""
    counting: str
    """An argument by numbers; empty if there is only a source."""
    ratio: tuple[float, float] | None
    """Between what the ratio of times is, where that is known as well."""
    judged: bool
    """Executed in full, since what it does depends on values; otherwise only priced."""


def load_pairs(path: Path = FOLDER / "pairs.yaml") -> list[Pair]:
    """Returns all pairs, in the order of the file.

    Raises:
        MalformedPair: A pair is incomplete, or two have one name.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    pairs = [_pair(dict(each), document["sources"]) for each in document["pairs"]]
    names = [pair.name for pair in pairs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MalformedPair(f"there are two pairs `{min(twice)}`; give one of them another name")
    return pairs


def with_knobs(path: Path, knobs: Knobs) -> str:
    """Returns the text of a file with other values for the numbers at its top.

    Raises:
        MalformedPair: There is no such file, or a knob is not in it exactly once.
    """
    if not path.is_file():
        raise MalformedPair(f"there is no {path.parent.name}/{path.name}")
    text = path.read_text(encoding="utf-8")
    for name, value in knobs:
        text, found = re.subn(rf"^{re.escape(name)} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
        if found != 1:
            raise MalformedPair(f"`{path.name}` sets `{name}` {found} times at its top; once is needed")
    return text


def _pair(given: dict[str, Any], sources: Mapping[str, str]) -> Pair:
    name = given.get("name", "?")
    try:
        shared = {"problem": given.pop("problem"), "target": given.pop("target", TARGET)}
        faster, slower = (_side({**shared, **given.pop(which)}) for which in ("faster", "slower"))
        key = given.pop("source", None)
        pair = Pair(
            name=given.pop("name"),
            category=given.pop("category"),
            faster=faster,
            slower=slower,
            source=sources[key] if key else "",
            counting=given.pop("counting", ""),
            ratio=tuple(given.pop("ratio")) if "ratio" in given else None,
            judged=given.pop("judged", False),
        )
    except KeyError as error:
        raise MalformedPair(f"pair `{name}` lacks {error}") from error
    if given:
        raise MalformedPair(f"pair `{name}` says `{min(given)}`, which nobody reads")
    if not pair.source and not pair.counting:
        raise MalformedPair(f"pair `{name}` says nothing of why it is so; give a source, or count")
    if faster == slower:
        raise MalformedPair(f"pair `{name}` compares a program with itself")
    return pair


def _side(given: dict[str, Any]) -> Side:
    problem = dict(given.pop("problem"))
    reference, kernel, target = problem.pop("reference"), given.pop("kernel"), given.pop("target")
    return Side(
        kernel=kernel, knobs=tuple(given.items()), reference=reference, sizes=tuple(problem.items()), target=target
    )
