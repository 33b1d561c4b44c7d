"""A service on a terminal: queues, workers, outcomes, latencies, verdicts, as wide and high as there is room.

Whatever a job, a worker or a server says becomes plain text on one line: nothing of it is a terminal's command.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import localtime, strftime
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.wording import VERDICTS, cut, factor, percent
from kernelgym.serving.jobs import Overview, Priority, WorkerView
from kernelgym.serving.telemetry.durations import Histogram, histograms
from sandboxes.contracts import Outcome

WINDOW_S: Final = 60.0
"""Time over which rates are taken."""

WIDE: Final = 100
"""Columns from which more is shown of each worker and verdict."""

HEAD: Final = 3
"""Lines of a table beside its rows: an empty one before it, names, a rule."""

EVERYTHING: Final = 10_000
"""Lines where nobody counts them."""

MOST_VERDICTS: Final = 20
MOST_OUTCOMES: Final = 9

PARTS: Final = (
    ("wait", "waiting"), ("trace", "trace"), ("verify", "verify"), ("compile", "compile"), ("replay", "replay"),
    ("profile", "profile"), ("work", "all work"), ("total", "whole"),
)  # fmt: skip
EVENTS: Final = (
    ("submitted", "asked for"), ("hits", "known already"), ("joined", "joined"), ("cancelled", "cancelled"),
    ("retried", "tried again"), ("quarantined", "quarantined"), ("expired", "expired"), ("discarded", "discarded"),
)  # fmt: skip


class Rates:
    """Answers per minute, from looks at counters that only grow."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, now_s: float, counters: Mapping[str, int]) -> float | None:
        """Notes one look; returns the rate of the last minute, None at the first one or after a ledger began anew."""
        count = sum(number for name, number in counters.items() if name.startswith("outcome:"))
        if self._looks and count < self._looks[-1][1]:
            self._looks.clear()
        self._looks.append((now_s, count))
        while len(self._looks) > 2 and now_s - self._looks[1][0] > WINDOW_S:
            self._looks.popleft()
        since_s, before = self._looks[0]
        return (count - before) / (now_s - since_s) * 60 if now_s > since_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What one picture shows."""

    source: str
    overview: Overview
    per_minute: float | None
    width: int
    height: int | None
    """Lines there are; None: as many as it takes."""
    trouble: str = ""
    """Why what is shown is old."""


def board(frame: Frame) -> RenderableType:
    """Returns the picture."""
    overview = frame.overview
    parts: list[RenderableType] = [_head(frame)]
    parts += [Text(f"! {words}", style="bold yellow") for words in alarms(overview)]
    if frame.trouble:
        parts.append(Text(cut(f"! {frame.trouble}", 2 * frame.width), style="bold red"))
    answers, latencies = _outcomes(overview.counters), _latencies(overview.counters)
    beside = Table.grid(expand=True, padding=(0, 1))
    beside.add_row(answers, latencies)
    fixed = len(parts) + 3 + 4 * HEAD + len(overview.queues) + max(answers.row_count, latencies.row_count) + 1
    left = EVERYTHING if frame.height is None else max(4, frame.height - fixed)
    workers = min(len(overview.workers), max(3, left // 2))
    verdicts = min(len(overview.recent), max(0, left - workers), MOST_VERDICTS)
    wide = frame.width >= WIDE
    parts += ["", _queues(overview), "", _workers(overview.workers, workers, wide=wide), "", beside]
    if verdicts:
        parts += ["", _verdicts(overview, verdicts, wide=wide)]
    return Group(*parts)


def alarms(overview: Overview) -> Iterator[str]:
    """Yields what somebody should look at."""
    if not overview.workers:
        yield "there is no worker; start one with `kernelgym worker`"
    for queue in overview.queues:
        waiting = sum(queue.waiting.values())
        if waiting and not queue.workers and overview.workers:
            yield f"{waiting:,} waiting in {cut(queue.name, 60)}, and no worker serves it"
        elif queue.oldest_s is not None and queue.oldest_s > 120:
            yield f"the first job in {cut(queue.name, 60)} has waited for {seconds(queue.oldest_s)}"


def seconds(value: float | None) -> str:
    """Returns a duration in at most eight characters."""
    if value is None:
        return "–"
    if value < 0.0995:
        return f"{value * 1000:.3g} ms"
    if value < 99.5:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def _head(frame: Frame) -> Text:
    overview = frame.overview
    waiting = sum(sum(queue.waiting.values()) for queue in overview.queues)
    running = sum(queue.running for queue in overview.queues)
    busy = sum(worker.job is not None for worker in overview.workers)
    rate = "" if frame.per_minute is None else f" · {frame.per_minute:,.0f} answers/min"
    head = Text(cut(f"{frame.source} · {overview.engine}", frame.width), style="bold")
    head.append(
        f"\n{waiting:,} waiting · {running:,} running · {len(overview.workers):,} "
        f"worker{'' if len(overview.workers) == 1 else 's'}, {busy:,} busy{rate}",
        style="not bold",
    )
    events = [f"{overview.counters[name]:,} {words}" for name, words in EVENTS if overview.counters.get(name)]
    head.append("\n" + " · ".join(events), style="dim not bold")
    return head


def _table(*columns: str, numbers: Sequence[str] = (), flexible: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, show_edge=False, pad_edge=False, padding=(0, 1), header_style="dim")
    for column in columns:
        table.add_column(
            column.strip(),
            justify="right" if column in numbers else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if column in flexible else None,
        )
    return table


def _queues(overview: Overview) -> Table:
    numbers = ("interactive", "batch", "running", "workers", "oldest")
    table = _table("queue", *numbers, numbers=numbers, flexible=("queue",))
    for queue in overview.queues:
        starved = not queue.workers and any(queue.waiting.values())
        table.add_row(
            _plain(queue.name),
            *(f"{queue.waiting.get(priority, 0):,}" for priority in (Priority.INTERACTIVE, Priority.BATCH)),
            f"{queue.running:,}",
            Text(f"{queue.workers:,}", style="bold red" if starved else ""),
            seconds(queue.oldest_s),
        )
    return table


def _workers(workers: Sequence[WorkerView], shown: int, *, wide: bool) -> Table:
    columns = ["", "worker", "doing", "device", *(["sandbox", "job"] if wide else []), "done", "MiB"]
    table = _table(*columns, numbers=("done", "MiB"), flexible=("worker", "doing"))
    for worker in sorted(workers, key=lambda each: (each.job is None, each.id))[:shown]:
        state = "draining" if worker.draining else "busy" if worker.job else "idle"
        more = (_plain(worker.sandbox or "–"), (worker.job or "–")[:10]) if wide else ()
        table.add_row(
            Text(f"● {state}", style={"busy": "green", "idle": "dim", "draining": "yellow"}[state]),
            _plain(worker.id),
            _plain((worker.stage or worker.station or "") if worker.job else ""),
            _plain(worker.device),
            *more,
            f"{worker.done:,}",
            f"{worker.memory_mib:,.0f}",
        )
    if len(workers) > shown:
        table.add_row("", Text(f"… and {len(workers) - shown:,} more", style="dim"))
    return table


def _outcomes(counters: Mapping[str, int]) -> Table:
    table = _table("answers", "", " ", numbers=("", " "), flexible=("answers",))
    counts = {name.removeprefix("outcome:"): number for name, number in counters.items() if name.startswith("outcome:")}
    whole = sum(counts.values())
    for outcome, number in sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_OUTCOMES]:
        table.add_row(_verdict(outcome), f"{number:,}", percent(number / whole) if whole else "–")
    return table


def _latencies(counters: Mapping[str, int]) -> Table:
    numbers = ("median", "p90", "p99")
    table = _table("latency", *numbers, numbers=numbers, flexible=("latency",))
    for part, histogram in _measured(counters):
        table.add_row(part, *(seconds(histogram.quantile_s(share)) for share in (0.5, 0.9, 0.99)))
    return table


def _measured(counters: Mapping[str, int]) -> Iterator[tuple[str, Histogram]]:
    found = histograms(counters)
    for part, words in PARTS:
        if found[part].count:
            yield words, found[part]


def _verdicts(overview: Overview, shown: int, *, wide: bool) -> Table:
    columns = ["at", "verdict", "problem", "speedup", "total", *(["work", "tries", "worker"] if wide else []), "job"]
    table = _table(*columns, numbers=("speedup", "total", "work", "tries"), flexible=("problem",))
    for verdict in overview.recent[:shown]:
        more: list[Text | str] = (
            [seconds(verdict.work_s), str(verdict.attempts), _plain(verdict.worker)] if wide else []
        )
        table.add_row(
            strftime("%H:%M:%S", localtime(verdict.at)),
            _verdict(verdict.outcome),
            _plain(verdict.problem),
            "–" if verdict.speedup is None else factor(verdict.speedup),
            seconds(verdict.total_s),
            *more,
            verdict.id[:10],
        )
    return table


def _verdict(outcome: str) -> Text:
    known = VERDICTS.get(Outcome(outcome)) if outcome in set(Outcome) else None
    return _plain(outcome) if known is None else Text(f"{known.symbol} {known.words}", style=known.style)


def _plain(text: str) -> Text:
    return Text(cut(text, 120))
