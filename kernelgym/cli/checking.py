"""`kernelgym problems check`: which problems can be used on this machine, and what they are like."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kernelgym.cli.catalogue import MAX_REASON, rejections, show_rejected, summary
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.progress import progress_bar
from kernelgym.cli.services import Services
from kernelgym.errors import EvaluatorBroken, KernelGymError
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Loaded, Problem
from kernelgym.reports import dump_document
from kernelgym.reports.wording import cut, plain
from sandboxes.contracts import (
    Argument,
    ArgumentSequence,
    Case,
    CaseKind,
    Description,
    EvalConfig,
    TensorSpec,
)

LEGEND: Final = """\
cases: check cases; elements: inputs of the smallest and of the largest of them
MiB, GFLOP: memory and work of the bench case; full: a CPU executes it in full
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of one problem."""

    problem: Problem
    description: Description | None
    """None if it can't be used."""
    reason: str | None
    """Why it can't be used."""
    ours: bool
    """True if that is the fault of this machine, not of the reference."""
    seconds: float

    @property
    def in_full(self) -> bool:
        """True if the CPU executes the bench case in full."""
        return self.description is not None and self.description.is_executed_in_full(EvalConfig())


def run(loaded: Loaded, workers: int | None, services: Services, *, json: bool) -> ExitCode:
    """Describes each problem and prints what was found; returns the exit code."""
    checked = _check(loaded.problems, workers or services.settings.workers, services)
    totals = _totals(checked, loaded)
    if json:
        document = {"problems": list(map(_document, checked)), "rejected": rejections(loaded), "summary": totals}
        typer.echo(dump_document(document))
    else:
        console = Console(highlight=False)
        if totals["usable"]:
            console.print(_table(checked))
            console.print(Text(LEGEND, style="dim"))
        for each in checked:
            if each.reason is not None:
                console.print(
                    Text.assemble(("✗ ", "red"), (plain(each.problem.id), "bold"), f"  {cut(each.reason, MAX_REASON)}")
                )
        console.print(Text(_sentence(totals), style="bold"))
        show_rejected(loaded, console)
    return ExitCode.INFRASTRUCTURE if any(each.ours for each in checked) else ExitCode.VERDICT


def elements(case: Case) -> int:
    """Returns the number of elements of all tensors that `forward` is given."""
    return sum(spec.numel for spec in _tensors(case.inputs))


def _check(problems: tuple[Problem, ...], workers: int, services: Services) -> list[Checked]:
    """Returns what became of each problem, in their order, with a progress bar on standard error."""
    found: dict[int, Checked] = {}
    with (
        progress_bar() as progress,
        closing(services.open_evaluator(services.settings.sandbox, workers)) as evaluator,
        ThreadPoolExecutor(max_workers=workers) as pool,
    ):
        task = progress.add_task("checking", total=len(problems))
        futures = {pool.submit(_described, evaluator, problem): index for index, problem in enumerate(problems)}
        try:
            for future in as_completed(futures):
                index = futures[future]
                found[index] = future.result()
                progress.update(task, advance=1, description=f"checked {plain(problems[index].id)[-30:]:<18}")
        finally:
            for future in futures:
                future.cancel()
    return [found[index] for index in range(len(problems))]


def _described(evaluator: Evaluator, problem: Problem) -> Checked:
    start = time.monotonic()
    description, reason, ours = None, None, False
    try:
        description = evaluator.describe(problem)
    except KernelGymError as error:
        reason = " ".join(str(error).split()).removeprefix(f"{problem.id}: ")
        ours = isinstance(error, EvaluatorBroken)
    return Checked(problem=problem, description=description, reason=reason, ours=ours, seconds=time.monotonic() - start)


def _totals(checked: list[Checked], loaded: Loaded) -> dict[str, int]:
    return {
        "problems": len(checked),
        "usable": sum(each.description is not None for each in checked),
        "executed_in_full": sum(each.in_full for each in checked),
        "rejected": len(loaded.rejected),
    }


def _sentence(totals: dict[str, int]) -> str:
    full, usable = totals["executed_in_full"], totals["usable"]
    return (
        f"{usable} of {totals['problems']} problems can be used, "
        f"{'all' if full == usable else full} of them with the bench case executed in full"
    )


def _table(checked: list[Checked]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("id", no_wrap=True, overflow="ellipsis")
    for column in ("cases", "elements", "MiB", "GFLOP", "full", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in checked:
        if each.description is None:
            continue
        sizes = sorted(elements(case) for case in _checks(each.description))
        table.add_row(
            Text(plain(each.problem.id), style="bold"),
            str(len(sizes)),
            f"{_short(sizes[0])}..{_short(sizes[-1])}" if sizes else "",
            _short(each.description.bytes / 2**20),
            _short(each.description.gflop),
            "yes" if each.in_full else "no",
            f"{each.seconds:.1f}",
        )
    return table


def _document(checked: Checked) -> dict[str, Any]:
    description = checked.description
    found: dict[str, Any] = {"cases": [], "output": None, "bytes": None, "gflop": None}
    if description is not None:
        found = {
            "cases": [case.model_dump(mode="json") | {"elements": elements(case)} for case in description.cases],
            "output": description.model_dump(mode="json")["output"],
            "bytes": description.bytes,
            "gflop": description.gflop,
        }
    return (
        summary(checked.problem)
        | {"usable": description is not None, "reason": checked.reason}
        | found
        | {"executed_in_full": checked.in_full, "seconds": round(checked.seconds, 3)}
    )


def _checks(description: Description) -> list[Case]:
    return [case for case in description.cases if case.kind is CaseKind.CHECK]


def _tensors(arguments: tuple[Argument, ...]) -> Iterator[TensorSpec]:
    for argument in arguments:
        if isinstance(argument, TensorSpec):
            yield argument
        elif isinstance(argument, ArgumentSequence):
            yield from _tensors(argument.items)


def _short(number: float) -> str:
    """Returns a number in about three digits: `0.03`, `70`, `9.03k`, `1.2M`."""
    if number < 1:
        return f"{number:.2g}"
    for unit in ("", "k", "M"):
        if number < 999.5:  # 999.6 in three digits would be 1e+03
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g}G"
