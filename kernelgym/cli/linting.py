"""`kernelgym problems --lint`: which problems give their answers away, or ask for little."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from kernelgym.cli.catalogue import MAX_REASON, rejections, show_rejected, summary
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.progress import progress_bar
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage, EvaluatorBroken, KernelGymError
from kernelgym.evaluators import Inspector
from kernelgym.problems import Loaded, Problem
from kernelgym.reports import dump_document
from kernelgym.reports.wording import cut, plain
from sandboxes.contracts import Weakness


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What is known of one problem."""

    problem: Problem
    weaknesses: tuple[Weakness, ...] = ()
    reason: str | None = None
    """Why it can't be looked through."""
    ours: bool = False
    """True if that is the fault of this machine."""

    @property
    def refused(self) -> bool:
        """True if it can't be used: nothing can be learned from it, or it does not run."""
        return self.reason is not None or any(weakness.severity == "refuse" for weakness in self.weaknesses)


def run(loaded: Loaded, workers: int | None, services: Services, *, json: bool) -> ExitCode:
    """Looks each problem through and prints what was found; returns the exit code.

    Raises:
        BadUsage: The evaluator can't look problems through.
    """
    linted = _lint(loaded.problems, workers or services.settings.workers, services)
    totals = {
        "problems": len(linted),
        "clean": sum(not each.weaknesses and each.reason is None for each in linted),
        "warned": sum(bool(each.weaknesses) and not each.refused for each in linted),
        "refused": sum(each.refused and each.reason is None for each in linted),
        "unusable": sum(each.reason is not None for each in linted),
    }
    if json:
        document = {"problems": list(map(_document, linted)), "rejected": rejections(loaded), "summary": totals}
        typer.echo(dump_document(document))
    else:
        _print(linted, totals, loaded)
    return ExitCode.INFRASTRUCTURE if any(each.ours for each in linted) else ExitCode.VERDICT


def _lint(problems: tuple[Problem, ...], workers: int, services: Services) -> list[Linted]:
    """Returns what is known of each problem, in their order, with a progress bar on standard error."""
    with (
        progress_bar() as progress,
        closing(services.open_evaluator(services.settings.sandbox, workers)) as evaluator,
        ThreadPoolExecutor(max_workers=workers) as pool,
    ):
        if not isinstance(evaluator, Inspector):
            raise BadUsage(f"{type(evaluator).__name__} can't look problems through; use a local evaluator")
        task = progress.add_task("looking through", total=len(problems))
        found: list[Linted] = []
        for linted in pool.map(lambda problem: _look_through(evaluator, problem), problems):
            found.append(linted)
            progress.update(task, advance=1, description=f"seen {plain(linted.problem.id)[-30:]:<18}")
    return found


def _look_through(evaluator: Inspector, problem: Problem) -> Linted:
    try:
        return Linted(problem=problem, weaknesses=evaluator.inspect(problem))
    except KernelGymError as error:
        reason = " ".join(str(error).split()).removeprefix(f"{problem.id}: ")
        return Linted(problem=problem, reason=reason, ours=isinstance(error, EvaluatorBroken))


def _print(linted: list[Linted], totals: dict[str, int], loaded: Loaded) -> None:
    console = Console(highlight=False)
    for each in linted:
        if each.reason is not None:
            text = Text.assemble(("✗ ", "red"), (plain(each.problem.id), "bold"), f"  {cut(each.reason, MAX_REASON)}")
            console.print(text)
        for weakness in each.weaknesses:
            mark = ("✗ ", "red") if weakness.severity == "refuse" else ("! ", "yellow")
            words = f"  {weakness.rule}: {weakness.evidence}; {weakness.remedy}"
            console.print(Text.assemble(mark, (plain(each.problem.id), "bold"), plain(words)))
    console.print(
        Text(
            f"{totals['clean']} of {totals['problems']} problems are clean, {totals['warned']} have warnings, "
            f"{totals['refused']} give their answer away, {totals['unusable']} can't be used",
            style="bold",
        )
    )
    show_rejected(loaded, console)


def _document(linted: Linted) -> dict[str, Any]:
    return summary(linted.problem) | {
        "refused": linted.refused,
        "reason": linted.reason,
        "weaknesses": [weakness.model_dump(mode="json") for weakness in linted.weaknesses],
    }
