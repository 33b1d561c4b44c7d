"""The tables of the page that need no script: a run's summary, attempts, confirmation, hacks, costs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kernelgym.metrics.families import family_of
from kernelgym.metrics.intervals import Estimate
from kernelgym.metrics.summary import Costs, Rates, Summary, TurnSummary
from kernelgym.metrics.views import counted
from kernelgym.reports.html.addresses import address
from kernelgym.reports.html.embedding import shown
from kernelgym.reports.wording import factor, percent
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Severity

MAX_COLUMNS = 6
"""Turns that have a column; of more, the first ones and the last."""

MAX_EXAMPLES = 3
"""Turns of a rule that are linked."""

MAX_EVIDENCE = 400
"""Characters of a finding's evidence."""


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


@dataclass(slots=True)
class HackRow:
    """One rule of the gate in a run."""

    family: str
    rule: str
    severity: str
    turns: int = 0
    episodes: set[tuple[str, int]] = field(default_factory=set)
    evidence: str = ""
    """Of the first turn."""
    examples: list[tuple[str, str]] = field(default_factory=list)
    """Address and name of the first turns."""


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


def hack_rows(episodes: Sequence[EpisodeRecord]) -> list[HackRow]:
    """Returns the findings of the counted episodes by rule; what rejected first, then by how often."""
    rows: dict[tuple[str, Severity], HackRow] = {}
    for episode in counted(episodes):
        for turn in episode.turns:
            seen: dict[tuple[str, Severity], str] = defaultdict(str)
            for finding in turn.report.findings:
                seen[finding.rule, finding.severity] = seen[finding.rule, finding.severity] or finding.evidence
            for (rule, severity), evidence in seen.items():
                row = rows.setdefault(
                    (rule, severity), HackRow(family_of(rule).replace("_", " "), rule, severity.value)
                )
                row.turns += 1
                row.episodes.add(episode.key)
                row.evidence = row.evidence or shown(evidence, MAX_EVIDENCE)
                if len(row.examples) < MAX_EXAMPLES:
                    name = f"{shown(episode.problem, 60)} #{episode.sample}, turn {turn.number}"
                    row.examples.append((address(episode.key, turn.number), name))
    return sorted(rows.values(), key=lambda row: (row.severity != Severity.REJECT, -row.turns, row.rule))


def cost_facts(costs: Costs) -> list[tuple[str, str]]:
    """Returns what the completions took; empty if nobody said."""
    if not costs.reported:
        return []
    known = (
        ("tokens read", None if costs.prompt_tokens is None else f"{costs.prompt_tokens:,}"),
        ("tokens written", None if costs.completion_tokens is None else f"{costs.completion_tokens:,}"),
        ("cost", None if costs.cost_usd is None else f"${costs.cost_usd:,.2f}"),
    )
    facts = [(name, words) for name, words in known if words is not None]
    if facts and costs.reported < costs.turns:
        facts.append(("known for", f"{costs.reported:,} of {costs.turns:,} turns"))
    return facts


def decimal(value: float) -> str:
    """Returns a number with two decimals."""
    return f"{value:.2f}"
