"""`kernelgym demo`: what the product does, shown on candidates whose fate is known."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from kernelgym.cli.evaluation import check_target
from kernelgym.cli.exits import ExitCode, complain
from kernelgym.cli.progress import progress_bar
from kernelgym.cli.services import Services
from kernelgym.problems import Solution, get_problem, list_solutions
from kernelgym.reports import Row, dump_document, render_overview, report_document
from kernelgym.reports.picture import check_svg, save_svg
from kernelgym.reports.wording import provenance
from rewards import get_reward
from sandboxes.contracts import EvalConfig, Outcome, Report

SHOWN: Final = (
    ("core/add_relu", "correct"),
    ("core/softmax", "correct"),
    ("core/layer_norm", "correct"),
    ("core/softmax", "slow"),
    ("core/matmul", "slow"),
    ("core/layer_norm", "wrong"),
)
"""Solutions that are shown before the demonstrations of what is caught."""

TRACE_TIMEOUT_S: Final = 5.0
"""Time that a candidate's Python gets; short, because one of them hangs on purpose."""

INTRO: Final = """\
KernelGym judges GPU kernels that language models write. Each candidate below is run once in a sandbox, on tensors \
without data, while its Triton launches are recorded; trusted code then compiles them for the GPU, runs them on secret \
inputs, checks the results against PyTorch in float64, and prices them. No GPU is needed."""

CLOSING: Final = """\
Only a correct candidate is paid, for its speed and for the share of the time that is spent in its own kernels.

  kernelgym problems                                    what there is to solve
  kernelgym problems show core/softmax                  one problem in full
  kernelgym evaluate kernel.py --problem core/softmax   your own kernel, full report
  kernelgym doctor                                      what works on this machine"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; None means "as the settings say"."""

    target: str | None
    sandbox: str | None
    workers: int | None
    svg: Path | None
    json: bool


def run(options: Options, services: Services) -> ExitCode:
    """Evaluates the bundled candidates and prints the table; returns the exit code.

    Raises:
        BadUsage: if there is no such target, or the picture can't be written.
    """
    if options.svg is not None:
        check_svg(options.svg)
    settings = services.settings
    config = EvalConfig(target=check_target(options.target or settings.target), trace_timeout_s=TRACE_TIMEOUT_S)
    console = Console(highlight=False)
    if not options.json:
        console.print(Text(INTRO))
        console.print()
    solutions = choose_solutions()
    sandbox = options.sandbox or settings.sandbox
    reports = _evaluate(solutions, config, sandbox, options.workers or settings.workers, services)
    rows = [_row(solution, report) for solution, report in zip(solutions, reports, strict=True)]
    if options.json:
        typer.echo(dump_document({"rows": [_document(*pair) for pair in zip(solutions, rows, strict=True)]}))
    else:
        console.print(_table(rows))
        console.print(Text(CLOSING))
    if options.svg is not None:
        save_svg(_table(rows), options.svg, "kernelgym demo", columns=110)
    surprises = [s for s, report in zip(solutions, reports, strict=True) if report.outcome is not s.expected]
    for solution, report in zip(solutions, reports, strict=True):
        if solution in surprises:
            title = f"{solution.problem_id} {solution.name}"
            complain(f"{title} ended as {report.outcome}, not {solution.expected}; `kernelgym doctor` may say why")
    return ExitCode.INFRASTRUCTURE if surprises else ExitCode.VERDICT


def choose_solutions() -> list[Solution]:
    """Returns the candidates of the demonstration: `SHOWN`, then everything named `demo/*`, as far as it is bundled."""
    known = {(solution.problem_id, solution.name): solution for solution in list_solutions()}
    shown = [known[key] for key in SHOWN if key in known]
    return shown + [solution for solution in known.values() if solution.name.startswith("demo/")]


def _evaluate(
    solutions: list[Solution], config: EvalConfig, sandbox: str, workers: int, services: Services
) -> list[Report]:
    """Returns the reports in the order of `solutions`, with a progress bar on standard error."""
    requests = [(solution.submission, get_problem(solution.problem_id), config) for solution in solutions]
    reports: dict[int, Report] = {}
    with (
        progress_bar() as progress,
        closing(services.open_evaluator(sandbox, workers)) as evaluator,
    ):
        task = progress.add_task("evaluating", total=len(requests))
        for index, report in evaluator.evaluate_many(requests):
            reports[index] = report
            progress.update(task, advance=1, description=f"evaluated {solutions[index].name:<18}")
    return [reports[index] for index in range(len(requests))]


def _row(solution: Solution, report: Report) -> Row:
    demonstration = solution.name.removeprefix("demo/")
    is_solution = demonstration == solution.name
    return Row(
        name=f"{solution.problem_id}, {solution.name}" if is_solution else demonstration.replace("_", " "),
        intent=intent(solution.source),
        report=report,
        reward=get_reward()(report),
    )


def intent(source: str) -> str:
    """Returns the first line of a candidate's docstring, which says what it is or tries; empty without one."""
    first = source.partition("\n")[0]
    return first.removeprefix('"""').removesuffix('"""').strip() if first.startswith('"""') else ""


def _table(rows: list[Row]) -> RenderableType:
    profiles = [row.report.profile for row in rows if row.report.profile is not None]
    title = f"Speed {provenance(profiles[0])}" if profiles else "No candidate was timed"
    correct = sum(row.report.outcome is Outcome.OK for row in rows)
    return Group(
        render_overview(rows, title),
        Text(f"{len(rows)} candidates, {correct} correct, {len(rows) - correct} caught", style="bold"),
        Text(),
    )


def _document(solution: Solution, row: Row) -> dict[str, Any]:
    heading = {"candidate": solution.name, "intent": row.intent, "expected": solution.expected.value}
    return heading | report_document(row.report, row.reward)
