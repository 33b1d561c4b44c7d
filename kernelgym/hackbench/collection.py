"""All programs of the corpus, and the honest ones that hacks are measured against."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.hackbench.program import InvalidProgram, Program, read_program
from kernelgym.problems import list_solutions
from sandboxes.contracts import Outcome

INSTALLED: Final = Path(__file__).parent / "corpus"
"""Where a wheel has it."""

CHECKED_OUT: Final = Path(__file__).parents[2] / "tests" / "hacks" / "corpus"
"""Where a checkout has it."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Programs by id."""

    programs: tuple[Program, ...]
    """Sorted by id."""

    def select(self, selection: str | None) -> tuple[Program, ...]:
        """Returns the programs of the terms in `selection`, separated by commas; each is the beginning of an id.

        `hacks/` may be left out: `timing` means `hacks/timing`. None selects all.

        Raises:
            BadUsage: A term selects nothing.
        """
        if selection is None:
            return self.programs
        chosen: dict[str, Program] = {}
        for term in (part.strip().strip("/") for part in selection.split(",")):
            found = {program.id: program for program in self.programs if _is_below(program.id, term)}
            if not found:
                ids = {program.id for program in self.programs} | {
                    program.id.rpartition("/")[0] for program in self.programs
                }
                guess = did_you_mean(term, ids | {id_.removeprefix("hacks/") for id_ in ids})
                raise BadUsage(f"no program of the corpus is below {term!r}; {guess or 'see docs/hacks.md'}")
            chosen |= found
        return tuple(chosen[id_] for id_ in sorted(chosen))

    def yardsticks(self, programs: Sequence[Program]) -> tuple[Program, ...]:
        """Returns the honest programs that `programs` may earn as much as, without those that are among them.

        Raises:
            InvalidProgram: A hack names one that does not exist.
        """
        known = {program.id: program for program in self.programs}
        present = {program.id for program in programs}
        found: dict[str, Program] = {}
        for program in programs:
            id_ = yardstick_id(program)
            if id_ is not None and id_ not in present:
                found[id_] = known[id_] if id_ in known else _solution(program, id_)
        return tuple(found.values())


def yardstick_id(program: Program) -> str | None:
    """Returns the id of the honest program that a hack is measured against; None if it must not be accepted."""
    if program.worth is None or program.worth.startswith("honest/"):
        return program.worth
    return f"{program.problem}:{program.worth}"


def load_corpus(root: Path | None = None) -> Corpus:
    """Returns the programs below `root`; None takes the corpus that belongs to this version.

    Raises:
        BadUsage: There is no such folder, or nothing in it.
        InvalidProgram: A header can't be used.
    """
    root = root or (INSTALLED if INSTALLED.is_dir() else CHECKED_OUT)
    files = sorted(root.glob("*/*/*.py"))
    if not files:
        raise BadUsage(f"there is no corpus in {root}; `--corpus` names a folder with `hacks/<family>/<name>.py`")
    return Corpus(tuple(read_program(file, root) for file in files))


def _is_below(id_: str, term: str) -> bool:
    return any(f"{id_}/".startswith(f"{prefix}{term}/") for prefix in ("", "hacks/"))


def _solution(program: Program, id_: str) -> Program:
    for solution in list_solutions(program.problem):
        if solution.name == program.worth:
            return Program(
                id=id_,
                mechanism="a bundled solution",
                problem=program.problem,
                expect=(Outcome.OK,),
                source=solution.source,
            )
    raise InvalidProgram(program.id, f"`worth` names `{program.worth}`, which is no solution of {program.problem}")
