"""The totals of a run: rates with intervals, success within several attempts, hacks, costs; at 80 columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.metrics import Costs, Estimate, Rates, Summary, TurnSummary
from kernelgym.reports.wording import dollars, doubt_intervals, factor, percent, plain
from kernelgym.runs.record import Loss

MAX_TURNS: Final = 4
"""Turns that are shown; of more, the first ones and the last; beside confirmed turns, only the last."""

SHOWN: Final = ("1", "1.2", "1.5", "2")
"""Speedups for which fast@p is shown; the summary has more."""

MAX_FAMILIES: Final = 5
"""Families of hacks that are named."""

LOSS_WORDS: Final = {
    Loss.SKIPPED: "skipped",
    Loss.POLICY: "ended by an error of the policy",
    Loss.INFRASTRUCTURE: "lost to a fault of infrastructure",
}


Pick = Callable[[Rates], Estimate | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Rates under a name; those that a run is judged by have their interval beside them."""

    name: str
    rates: Rates
    interval: bool = True


@dataclass(frozen=True, slots=True)
class _Row:
    """What is shown of every column, and how a value and its bounds are written."""

    name: str
    pick: Pick
    show: Callable[[float], str] = percent
    bound: Callable[[float], str] = percent

    def cells(self, column: _Column) -> tuple[str, ...]:
        estimate = self.pick(column.rates)
        value = "–" if estimate is None or estimate.value is None else self.show(estimate.value)
        return (value, show_interval(estimate, self.bound)) if column.interval else (value,)


def render_totals(summary: Summary, speed: str) -> list[RenderableType]:
    """Returns the table of a run's rates, and a line each for whatever else there is to say.

    Args:
        summary: Of the run.
        speed: Where the times come from, e.g. `modelled for NVIDIA H200`; empty if nothing was timed.
    """
    columns = _columns(summary)
    table = Table(
        title=_heading(summary), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False
    )
    table.collapse_padding = True
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
        if column.interval:
            table.add_column("95 %", no_wrap=True, style="dim")
    for row in _rows(summary):
        table.add_row(row.name, *(cell for column in columns for cell in row.cells(column)))
    return [table, *_notes(summary), Text(_caption(speed, summary.problems), style="dim")]


def describe_losses(lost: dict[str, int]) -> str:
    """Returns how many episodes were not played to their end, and why; empty if all were."""
    return ", ".join(f"{lost[reason]} {words}" for reason, words in LOSS_WORDS.items() if lost.get(reason))


def show_interval(estimate: Estimate | None, show: Callable[[float], str]) -> str:
    """Returns the bounds of an estimate, the unit once: `38–62%`; empty if there are none."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    low, high = show(estimate.low), show(estimate.high)
    unit = high[-1] if not high[-1].isdigit() else ""
    return f"{low.removesuffix(unit)}–{high}"


def _columns(summary: Summary) -> list[_Column]:
    most = MAX_TURNS if summary.confirmed is None else 1
    turns = summary.last if len(summary.last) <= most else (*summary.last[: most - 1], summary.last[-1])
    columns = [_Column(name=f"turn {turn.turn}", rates=turn, interval=turn is turns[-1]) for turn in turns]
    if len(summary.last) > 1:
        columns.append(_Column(name="best turn", rates=summary.best[-1]))
    if summary.confirmed is not None:
        columns.append(_Column(name="confirmed", rates=summary.confirmed.confirmed))
    return columns


def _rows(summary: Summary) -> list[_Row]:
    compile_shown = SHOWN if summary.best[-1].fast_compile else ()
    return [
        _Row("correct", lambda rates: rates.correct),
        *(_Row(f"fast@{p}", _fast(p)) for p in SHOWN),
        *(_Row(f"compile@{p}", _fast_compile(p)) for p in compile_shown),
        _Row("speedup", lambda rates: rates.speedup, factor, _two_digits),
        *([_Row("over compile", lambda rates: rates.speedup_compile, factor, _two_digits)] if compile_shown else []),
        _Row("mean reward", lambda rates: rates.reward, _two_digits, _two_digits),
        _Row("compiled", lambda rates: rates.compiled if isinstance(rates, TurnSummary) else None),
        _Row("hacked", lambda rates: rates.hacked if isinstance(rates, TurnSummary) else None),
        _Row("played", _played, lambda value: f"{value:.0f}"),
    ]


def _fast(threshold: str) -> Pick:
    return lambda rates: rates.fast.get(threshold)


def _fast_compile(threshold: str) -> Pick:
    return lambda rates: rates.fast_compile.get(threshold)


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


def _played(rates: Rates) -> Estimate | None:
    """Returns how many episodes reached a turn; there is no doubt about it."""
    played = rates.played if isinstance(rates, TurnSummary) else None
    return None if played is None else Estimate(value=played, low=None, high=None, n=played)


def _heading(summary: Summary) -> str:
    heading = f"{summary.counted} of {summary.episodes} episode{'' if summary.episodes == 1 else 's'} counted"
    if lost := describe_losses({name: count for name, count in summary.lost.items() if name != Loss.POLICY}):
        heading += f"; {lost}"
    if failed := summary.lost[Loss.POLICY]:
        heading += f"; {failed} of those counted {LOSS_WORDS[Loss.POLICY]}"
    return heading


def _notes(summary: Summary) -> list[Text]:
    lines = (_several(summary), _unconfirmed(summary), _hacks(summary), _costs(summary.costs))
    return [Text(line) for line in lines if line]


def _several(summary: Summary) -> str:
    """Returns the chances of the most samples that every problem has; empty if that is one."""
    found = [attempts for attempts in summary.best_at_k if attempts.k > 1 and attempts.correct.n == summary.problems]
    if not found:
        return ""
    estimates = {"correct": found[-1].correct, **{f"fast@{name}": found[-1].fast[name] for name in SHOWN}}
    shown = (f"{name} {percent(estimate.value or 0.0)}" for name, estimate in estimates.items())
    return f"Best turn of {found[-1].k} episodes, by problem: {', '.join(shown)}"


def _unconfirmed(summary: Summary) -> str:
    if summary.confirmed is None or not summary.confirmed.unconfirmed:
        return ""
    return f"Not in `confirmed`: {summary.confirmed.unconfirmed}, whose best turn was not measured again"


def _hacks(summary: Summary) -> str:
    families = sorted(summary.hacks.families.items(), key=lambda family: (-family[1].turns, family[0]))
    if not families:
        return ""
    shown = [f"{plain(name).replace('_', ' ')} {family.turns}" for name, family in families[:MAX_FAMILIES]]
    rest = f" and {len(families) - MAX_FAMILIES} more" if len(families) > MAX_FAMILIES else ""
    return f"Turns rejected as hacks: {', '.join(shown)}{rest}"


def _costs(costs: Costs) -> str:
    if not costs.reported:
        return ""
    tokens = ((costs.prompt_tokens, "prompt"), (costs.completion_tokens, "completion"))
    parts = [f"{number:,} {name} tokens" for number, name in tokens if number is not None]
    parts += [] if costs.cost_usd is None else [dollars(costs.cost_usd)]
    whole = "" if costs.reported == costs.turns else f", by {costs.reported} of {costs.turns} turns"
    return f"Taken: {', '.join(parts)}{whole}"


def _caption(speed: str, problems: int) -> str:
    timed = f", {speed}," if speed else ""
    caption = (
        "Of all counted episodes; what ended early counts with its last turn, an error of the policy as a failure. "
        f"fast@p: correct, and the speedup{timed} is at least p. speedup: geometric mean of correct ones. "
        "95 %: bootstrap over problems; where all are alike, Wilson's interval."
    )
    return f"{caption} {doubt_intervals(problems)}".rstrip()
