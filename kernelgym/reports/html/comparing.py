"""Runs side by side on one page, with what changes problem by problem; the first run is the baseline."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from kernelgym.metrics import Comparison, Contestant, Difference, Pairing, RunSummary
from kernelgym.metrics.board import Board
from kernelgym.metrics.intervals import Resampling
from kernelgym.reports.html.curves import fast_curves
from kernelgym.reports.html.embedding import script_json, shown
from kernelgym.reports.html.page import MAX_NAME, speed_words
from kernelgym.reports.html.shell import load_assets, render
from kernelgym.reports.html.tables import Cell, Row, Table, decimal, quantities, table_of
from kernelgym.reports.wording import doubt_intervals, factor, percent

SCRIPTS: Final = ("elements.js", "page.js", "charts.js", "comparison.js")


def render_comparison_page(contestants: Sequence[Contestant], comparison: Comparison, title: str | None = None) -> str:
    """Returns the page of a comparison.

    Args:
        contestants: The runs, the baseline first.
        comparison: Of the same runs.
        title: Heading; None: the runs' names.
    """
    names = [shown(run.name, MAX_NAME) for run in comparison.runs]
    return render(
        "compare.html.j2",
        assets=load_assets(SCRIPTS),
        title=shown(title or " and ".join(names), MAX_NAME),
        baseline=names[0],
        runs=[_run(run, contestant) for run, contestant in zip(comparison.runs, contestants, strict=True)],
        tables=_tables(comparison),
        few=doubt_intervals(comparison.fewest_problems),
        pairings=[_pairing(pairing) for pairing in comparison.pairings],
        data=script_json({"charts": {"curves": _curves(contestants, names), "changes": _changes(comparison)}}),
    )


def _run(run: RunSummary, contestant: Contestant) -> dict[str, object]:
    return {
        "name": shown(run.name, MAX_NAME),
        "policy": shown(run.record.policy, MAX_NAME),
        "speed": speed_words(contestant.episodes, run.record.config.target),
        "problems": run.summary.problems,
        "episodes": run.summary.counted,
        "turns": run.record.total_turns,
        "reward": shown(run.record.reward, MAX_NAME),
        "versions": shown(", ".join(f"{name} {version}" for name, version in run.record.versions.items()), MAX_NAME),
    }


def _tables(comparison: Comparison) -> list[tuple[str, Table]]:
    """Returns the rates of all runs by the last and by the best turn, each over the run's own problems."""
    rows = quantities(comparison.runs[0].summary)
    named = [(shown(run.name, MAX_NAME), run.summary) for run in comparison.runs]
    tables = {
        "Last turn": table_of({name: summary.last[-1] for name, summary in named}, rows),
        "Best turn": table_of({name: summary.best[-1] for name, summary in named}, rows),
    }
    over = Row("problems", tuple(Cell(f"{summary.problems:,}") for _, summary in named))
    return [(heading, Table(table.columns, (over, *table.rows))) for heading, table in tables.items()]


def _pairing(pairing: Pairing) -> dict[str, object]:
    views = {"last turn": pairing.last, "best turn": pairing.best, "best turn, measured again": pairing.confirmed}
    return {
        "name": shown(pairing.name, MAX_NAME),
        "problems": pairing.problems,
        "warnings": [shown(warning, MAX_NAME) for warning in pairing.warnings],
        "views": [
            (view, [_difference(each) for each in differences]) for view, differences in views.items() if differences
        ],
    }


def _difference(difference: Difference) -> dict[str, object]:
    show, change = _manner(difference)
    low, high = difference.change.low, difference.change.high
    return {
        "metric": difference.metric,
        "baseline": _words(difference.baseline, show),
        "other": _words(difference.other, show),
        "change": _words(difference.change.value, change),
        "interval": "" if low is None or high is None else f"{change(low)} … {change(high)}",
        "tone": _tone(difference),
        "wins": difference.wins,
        "ties": difference.ties,
        "losses": difference.losses,
    }


def _manner(difference: Difference) -> tuple[Callable[[float], str], Callable[[float], str]]:
    """Returns how values and how changes are written."""
    if difference.kind == "ratio":
        return factor, factor
    if difference.metric == "reward":
        return decimal, lambda value: f"{value:+.2f}"
    return percent, lambda value: f"{100 * value:+.1f}"


def _tone(difference: Difference) -> str:
    """Returns `good` or `bad` if the interval leaves out that nothing has changed."""
    nothing, change = float(difference.kind == "ratio"), difference.change
    if change.low is None or change.high is None or change.low <= nothing <= change.high:
        return ""
    return "good" if change.low > nothing else "bad"


def _words(value: float | None, show: Callable[[float], str]) -> str:
    return "–" if value is None else show(value)


def _curves(contestants: Sequence[Contestant], names: Sequence[str]) -> dict[str, Any]:
    runs = []
    for contestant, name in zip(contestants, names, strict=True):
        board = Board.of(contestant.episodes, contestant.record.total_turns)
        curves = fast_curves(board, Resampling(board.problems))
        runs.append({"name": name, "last": curves["last"], "best": curves["best"]})
    return {"p": curves["p"], "runs": runs}


def _changes(comparison: Comparison) -> dict[str, Any]:
    """Returns the changes of shares by the best turn, for each run but the first."""
    found = []
    for pairing in comparison.pairings:
        shares = [each for each in pairing.best if each.kind == "difference" and each.metric != "reward"]
        known = [(each.metric, each.change) for each in shares if None not in (each.change.low, each.change.high)]
        found.append({
            "name": shown(pairing.name, MAX_NAME),
            "metrics": [metric for metric, _ in known],
            "change": [change.value for _, change in known],
            "low": [change.low for _, change in known],
            "high": [change.high for _, change in known],
        })  # fmt: skip
    return {"pairings": found}
