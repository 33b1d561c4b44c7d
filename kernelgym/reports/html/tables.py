"""The tables of the page that need no script: a run's summary, attempts, confirmation, costs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kernelgym.metrics.intervals import Estimate
from kernelgym.metrics.summary import Costs, Rates, Summary, TurnSummary
from kernelgym.reports.wording import dollars, factor, percent

MAX_COLUMNS = 6
"""Turns that have a column; of more, the first ones and the last."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in words, and its interval."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Metrics down, turns or runs across."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


Quantity = tuple[str, Callable[[Rates], Estimate | None], Callable[[float], str]]


def quantities(summary: Summary) -> list[Quantity]:
    """Returns the rows of a summary: name, where to find it, how it is written."""
    first = summary.last[0]
    rows: list[Quantity] = [
        ("compiled", lambda rates: rates.compiled if isinstance(rates, TurnSummary) else None, percent),
        ("correct", lambda rates: rates.correct, percent),
    ]
    rows += [(f"fast@{p}", lambda rates, p=p: rates.fast[p], percent) for p in first.fast]  # type: ignore[misc]
    if any(estimate.n for estimate in first.fast_compile.values()):
        rows += [
            (f"fast@{p}, torch.compile", lambda rates, p=p: rates.fast_compile[p], percent)  # type: ignore[misc]
            for p in first.fast_compile
        ]
    return [
        *rows,
        ("speedup, geometric mean", lambda rates: rates.speedup, factor),
        ("speedup over torch.compile", lambda rates: rates.speedup_compile, factor),
        ("reward, mean", lambda rates: rates.reward, decimal),
        ("time in own kernels", lambda rates: rates.coverage, percent),
        ("replaced of the reference", lambda rates: rates.replaced, percent),
        ("hack", lambda rates: rates.hacked if isinstance(rates, TurnSummary) else None, percent),
    ]


def summary_table(summary: Summary) -> Table:
    """Returns the metrics by turn, by the best turn and, where it was measured, by the best turn measured again."""
    shown_turns = list(summary.last)
    if len(shown_turns) > MAX_COLUMNS:
        shown_turns = [*shown_turns[: MAX_COLUMNS - 1], shown_turns[-1]]
    columns: dict[str, Rates] = {f"turn {rates.turn}": rates for rates in shown_turns}
    if len(summary.last) > 1:
        columns["best turn"] = summary.best[-1]
    if summary.confirmed is not None:
        columns["chosen turn"] = summary.confirmed.selected
        columns["measured again"] = summary.confirmed.confirmed
    return table_of(columns, quantities(summary))


def table_of(columns: dict[str, Rates], rows: Iterable[Quantity]) -> Table:
    """Returns the quantities that at least one column has."""
    found = [Row(name, tuple(cell(find(rates), words) for rates in columns.values())) for name, find, words in rows]
    return Table(tuple(columns), tuple(row for row in found if any(each.value != "–" for each in row.cells)))


def attempts_table(summary: Summary) -> Table | None:
    """Returns success within `k` episodes of a problem; None if no problem has more than one."""
    if len(summary.best_at_k) < 2:
        return None
    rows = [Row("correct", tuple(cell(attempts.correct, percent) for attempts in summary.best_at_k))]
    rows += [
        Row(f"fast@{p}", tuple(cell(attempts.fast.get(p), percent) for attempts in summary.best_at_k))
        for p in summary.best_at_k[0].fast
    ]
    return Table(tuple(f"k = {attempts.k}" for attempts in summary.best_at_k), tuple(rows))


def cell(estimate: Estimate | None, words: Callable[[float], str]) -> Cell:
    """Returns an estimate in words; a dash if nothing is known."""
    if estimate is None or estimate.value is None:
        return Cell("–")
    if estimate.low is None or estimate.high is None:
        return Cell(words(estimate.value))
    return Cell(words(estimate.value), f"{words(estimate.low)} – {words(estimate.high)}")


def cost_facts(costs: Costs) -> list[tuple[str, str]]:
    """Returns what the completions took; empty if nobody said."""
    if not costs.reported:
        return []
    known = (
        ("tokens read", None if costs.prompt_tokens is None else f"{costs.prompt_tokens:,}"),
        ("tokens written", None if costs.completion_tokens is None else f"{costs.completion_tokens:,}"),
        ("cost", None if costs.cost_usd is None else dollars(costs.cost_usd)),
    )
    facts = [(name, words) for name, words in known if words is not None]
    if facts and costs.reported < costs.turns:
        facts.append(("known for", f"{costs.reported:,} of {costs.turns:,} turns"))
    return facts


def decimal(value: float) -> str:
    """Returns a number with two decimals."""
    return f"{value:.2f}"
