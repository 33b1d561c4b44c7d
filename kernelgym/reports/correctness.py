"""Correctness, case by case."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.wording import plain
from sandboxes.contracts import Report


def correctness(report: Report) -> RenderableType:
    """Returns a table of all cases (shape, verdict, largest error and tolerance, trials) and the bench check."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("case", ratio=1, overflow="fold")
    table.add_column("kind")
    table.add_column("result", no_wrap=True)
    table.add_column("max error", justify="right", no_wrap=True)
    table.add_column("allowed", justify="right", no_wrap=True)
    table.add_column("trials", justify="right", no_wrap=True)
    below: list[RenderableType] = []
    for case in report.cases:
        passed = Text("✓ passed", style="green") if case.passed else Text("✗ failed", style="red")
        trials = f"{case.trials}" if case.passed else f"{case.failed_trials} of {case.trials} failed"
        table.add_row(
            Text(plain(case.case)), case.kind, passed, _number(case.max_error), _number(case.tolerance), trials
        )
        if case.failure and not case.passed:
            below.append(Text(f"{plain(case.case)}: {plain(case.failure)}"))
    if report.bench is not None:
        verified = "verified" if report.bench.verified else "not verified, so there is no speedup"
        below.append(Text(f"bench case {verified}: {plain(report.bench.how)}", style="dim"))
    return Group(table, *below)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"
