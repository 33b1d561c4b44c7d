"""What a person sees while episodes are played: how far it is, how it goes."""

import threading
from collections import Counter
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kernelgym.envs import Turn
from kernelgym.reports.wording import factor
from kernelgym.runs.record import EpisodeRecord
from policies.rollouts import Key
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
        columns = (BarColumn(bar_width=10), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting workers", total=total, completed=finished)
        self._lock = threading.Lock()
        self._turns: Counter[Outcome] = Counter()
        self._lost = 0
        self._best: float | None = None

    def turn(self, _key: Key, turn: Turn) -> None:
        """Counts a turn; may be called from any thread."""
        with self._lock:
            self._turns[turn.report.outcome] += 1
            if turn.report.speedup is not None:
                self._best = max(self._best or 0.0, turn.report.speedup)
            self._bar.update(self._task, description=self.line)

    def episode(self, record: EpisodeRecord) -> None:
        """Counts an episode."""
        with self._lock:
            self._lost += record.error is not None
            self._bar.update(self._task, advance=1, description=self.line)

    @property
    def line(self) -> str:
        """The counts that are not 0: turns by verdict, then the best speedup."""
        turns = dict(self._turns)
        counts = {str(outcome): turns.pop(outcome, 0) for outcome in NAMED}
        counts["lost"] = turns.pop(Outcome.INFRASTRUCTURE, 0) + self._lost
        counts["other"] = sum(turns.values())
        words = [f"{name} {count}" for name, count in counts.items() if count]
        return " · ".join(words if self._best is None else [*words, f"best {factor(self._best)}"])

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
