"""What a person sees while episodes are played: how far it is, how it goes."""

import threading
from collections import Counter
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kernelgym.reports.wording import factor
from kernelgym.runs.record import EpisodeRecord, Key, TurnRecord
from sandboxes.contracts import Outcome

NAMED: Final = (Outcome.OK, Outcome.INCORRECT, Outcome.HACK)
"""Verdicts that are counted by name."""


class RunProgress:
    """A progress bar with counts on a terminal's standard error; silent elsewhere. A context manager.

    Args:
        total: Episodes to be finished.
        finished: Of them, those that an earlier run has finished.
    """

    def __init__(self, total: int, finished: int = 0) -> None:
        console = Console(stderr=True)
        columns = (
            BarColumn(bar_width=10), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
            TimeRemainingColumn(), TextColumn("{task.description}", markup=False),
        )  # fmt: skip
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting workers", total=total, completed=finished)
        self._lock = threading.Lock()
        self._turns: Counter[Outcome] = Counter()
        self._lost = 0
        self._best: float | None = None
        self._tokens = 0
        self._cost_usd = 0.0

    def turn(self, _key: Key, turn: TurnRecord) -> None:
        """Counts a turn; may be called from any thread."""
        with self._lock:
            self._turns[turn.report.outcome] += 1
            if turn.report.speedup is not None:
                self._best = max(self._best or 0.0, turn.report.speedup)
            if turn.usage is not None:
                self._tokens += (turn.usage.prompt_tokens or 0) + (turn.usage.completion_tokens or 0)
                self._cost_usd += turn.usage.cost_usd or 0.0
            self._bar.update(self._task, description=self.line)

    def episode(self, record: EpisodeRecord) -> None:
        """Counts an episode."""
        with self._lock:
            self._lost += record.error is not None
            self._bar.update(self._task, advance=1, description=self.line)

    @property
    def line(self) -> str:
        """What is not 0: turns by verdict, the best speedup, and what completions took."""
        turns = dict(self._turns)
        counts = {str(outcome): turns.pop(outcome, 0) for outcome in NAMED}
        counts["lost"] = turns.pop(Outcome.INFRASTRUCTURE, 0) + self._lost
        counts["other"] = sum(turns.values())
        words = [f"{name} {count}" for name, count in counts.items() if count]
        if self._best is not None:
            words.append(f"best {factor(self._best)}")
        if self._tokens:
            words.append(f"{_short(self._tokens)} tokens")
        if self._cost_usd:
            words.append(f"${self._cost_usd:.2f}")
        return " · ".join(words)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def _short(count: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)
