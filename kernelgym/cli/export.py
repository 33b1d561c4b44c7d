"""`kernelgym export`: data sets to train on, out of the folders of runs."""

from dataclasses import dataclass
from pathlib import Path

import typer

from kernelgym.errors import BadUsage
from kernelgym.problems.filters import unknown
from kernelgym.reports import dump_document
from kernelgym.reports.wording import plain
from kernelgym.runs.export import Exported, Format, Limits, export
from sandboxes.contracts import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options."""

    folders: tuple[Path, ...]
    out: Path
    format: str
    all_turns: bool | None
    outcomes: tuple[str, ...]
    min_reward: float | None
    min_speedup: float | None
    duplicates: bool
    max_per_problem: int | None
    json: bool


def run(options: Options) -> None:
    """Writes the file and says what is in it.

    Raises:
        BadUsage: An option names nothing, the file can't be written, or nothing is left to write.
        RunFolderUnusable: A folder holds no run.
    """
    format_ = Format(_one_of("format", options.format, [str(name) for name in Format]))
    outcomes = frozenset(
        Outcome(_one_of("outcome", name, [str(known) for known in Outcome])) for name in options.outcomes
    )
    if format_ not in (Format.SFT, Format.RL):
        _check_no_choice(options)
    good = format_ is Format.SFT
    limits = Limits(
        best=good if options.all_turns is None else not options.all_turns,
        outcomes=outcomes or (frozenset({Outcome.OK}) if good else frozenset()),
        min_reward=options.min_reward,
        min_speedup=options.min_speedup,
        distinct=good and not options.duplicates,
        max_per_problem=options.max_per_problem,
    )
    exported = export(options.folders, options.out, format_, limits)
    if options.json:
        document = {"rows": exported.rows, "problems": exported.problems, "left_out": exported.left_out}
        typer.echo(dump_document({"file": str(options.out), "format": str(format_)} | document))
    else:
        typer.echo(plain(_sentence(exported, options.out)))


def _check_no_choice(options: Options) -> None:
    """Checks that no turns are chosen, where a row is none.

    Raises:
        BadUsage: An option would be ignored.
    """
    given = {
        "--best": options.all_turns is False,
        "--all-turns": options.all_turns is True,
        "--only": bool(options.outcomes),
        "--min-reward": options.min_reward is not None,
        "--min-speedup": options.min_speedup is not None,
        "--duplicates": options.duplicates,
        "--max-per-problem": options.max_per_problem is not None,
    }
    if any(given.values()):
        names = ", ".join(name for name, there in given.items() if there)
        raise BadUsage(f"--format {options.format} takes every turn; leave out {names}, or give --format sft or rl")


def _sentence(exported: Exported, out: Path) -> str:
    rows = f"{exported.rows} row{'s' * (exported.rows != 1)}"
    problems = f"{exported.problems} problem{'s' * (exported.problems != 1)}"
    reasons = ", ".join(f"{count} {reason}" for reason, count in exported.left_out.items())
    return f"{out}: {rows} of {problems}" + (f"; left out: {reasons}" if reasons else "")


def _one_of(kind: str, value: str, known: list[str]) -> str:
    if value not in known:
        raise BadUsage(unknown(kind, value, known))
    return value
