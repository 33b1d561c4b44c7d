"""Runs side by side at 80 columns: one table of rates, then for each run what changes from the first one."""

from collections.abc import Callable, Sequence
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.metrics import Comparison, Difference, Estimate, Pairing, RunSummary, TurnSummary
from kernelgym.reports.totals import show_interval
from kernelgym.reports.wording import cut, doubt_intervals, factor, percent

MAX_NAME: Final = 60
"""Characters of a run's name."""

SIDE_BY_SIDE: Final = ("1", "1.2", "2")
"""Speedups for which fast@p is shown by run."""

PAIRED: Final = ("correct", "fast@1", "fast@1.2", "fast@1.5", "fast@2", "speedup", "reward")
"""Metrics whose differences are shown."""


def render_comparison(comparison: Comparison) -> RenderableType:
    """Returns the tables of a comparison."""
    parts: list[RenderableType] = [
        _runs(comparison.runs, "Runs, last turn", lambda run: run.summary.last[-1]),
        _runs(comparison.runs, "Runs, best turn", lambda run: run.summary.best[-1]),
    ]
    baseline = _named(comparison.runs[0])
    for pairing in comparison.pairings:
        parts.append(_pairing(pairing, baseline, "last turn", pairing.last))
        parts.append(_pairing(pairing, baseline, "best turn", pairing.best))
        if pairing.confirmed:
            parts.append(_pairing(pairing, baseline, "best turn, measured again", pairing.confirmed))
    caption = (
        "Changes problem by problem, over the problems that both have, of shares in percentage points; bold where the "
        "interval leaves out no change. 95 %: bootstrap over problems, none where all of fewer than six change alike. "
        "speedup: geometric mean, its change a ratio; better, same, worse: problems."
    )
    caption = f"{caption} {doubt_intervals(comparison.fewest_problems)}".rstrip()
    return Group(*parts, Text(caption, style="dim"), Text())


def _table(title: str) -> Table:
    table = Table(title=Text(title, style="bold"), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.collapse_padding = True
    return table


def _runs(runs: Sequence[RunSummary], title: str, pick: Callable[[RunSummary], TurnSummary]) -> Table:
    table = _table(title)
    table.add_column("run", overflow="fold", min_width=6)
    for name in ("prob-\nlems", "correct", *(f"fast@{p}" for p in SIDE_BY_SIDE), "speedup"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        rates = pick(run)
        shares = (rates.correct, *(rates.fast.get(p) for p in SIDE_BY_SIDE))
        table.add_row(
            Text(_named(run)), f"{run.summary.problems}", *(_sure(share) for share in shares),
            _value(rates.speedup.value, factor),
        )  # fmt: skip
    return table


def _pairing(pairing: Pairing, baseline: str, view: str, differences: Sequence[Difference]) -> Table:
    many = f"{pairing.problems} problem{'s' * (pairing.problems > 1)}"
    table = _table(f"{_named(pairing)} against {baseline}, {view}, {many}")
    table.add_column("", no_wrap=True)
    for name in ("first", "this", "change", "95 %", "better", "same", "worse"):
        table.add_column(name, justify="right", no_wrap=True)
    for difference in differences:
        if difference.metric in PAIRED:
            show, change = _manner(difference)
            table.add_row(
                difference.metric,
                _value(difference.baseline, show),
                _value(difference.other, show),
                Text(_value(difference.change.value, change), style="bold" if _clear(difference) else ""),
                _bounds(difference.change, change),
                str(difference.wins), str(difference.ties), str(difference.losses),
            )  # fmt: skip
    return table


def _named(run: RunSummary | Pairing) -> str:
    return cut(run.name, MAX_NAME)


def _manner(difference: Difference) -> tuple[Callable[[float], str], Callable[[float], str]]:
    """Returns how values and how changes are written."""
    if difference.kind == "ratio":
        return factor, factor
    if difference.metric == "reward":
        return (lambda value: f"{value:.2f}"), (lambda value: _signed(value, 2))
    return percent, lambda value: _signed(100 * value, 1)


def _signed(value: float, digits: int) -> str:
    """Returns a change with its sign; what is rounded to nothing is `+0.0`."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def _clear(difference: Difference) -> bool:
    """Returns whether the interval leaves out that nothing has changed."""
    nothing, change = float(difference.kind == "ratio"), difference.change
    return change.low is not None and change.high is not None and not change.low <= nothing <= change.high


def _value(value: float | None, show: Callable[[float], str]) -> str:
    return "–" if value is None else show(value)


def _bounds(estimate: Estimate, show: Callable[[float], str]) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{show(estimate.low)} … {show(estimate.high)}"


def _sure(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    return f"{percent(estimate.value)} {show_interval(estimate, percent)}"
