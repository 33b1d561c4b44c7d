"""What the demo says while it runs: which part it is in, how far, and what the trainings earn by now."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console

BLOCKS: Final = "▁▂▃▄▅▆▇█"
HIGHEST: Final = 4.0
"""Reward of a full block."""


class Progress:
    """Writes to standard error: one line that changes on a terminal, a line per part elsewhere."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._line = ""
        self._tail = ""
        self._begun = 0.0

    @contextmanager
    def part(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A part of the story; what it gives is to be told how much is done."""
        self._begun, self._tail = time.monotonic(), ""

        def done(count: int) -> None:
            of = "" if total is None else f" {count} of {total}"
            self._show(f"{name}{of} ({time.monotonic() - self._begun:.0f} s) {self._tail}")

        if total is None:
            self._show(f"{name} ...")
        yield done
        self._show("")
        self._console.print(f"{name}: {time.monotonic() - self._begun:.0f} s")

    def curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        """What has been earned in the batches so far, by the name of a training."""
        self._tail = "  ".join(
            f"{name} {spark(curve)[-12:]} {curve[-1]:.2f}" for name, curve in curves.items() if curve
        )

    def _show(self, line: str) -> None:
        if self._console.is_terminal:
            width = self._console.width - 1
            self._console.print(f"\r{line[:width]:<{width}}\r", end="", soft_wrap=True, markup=False)


def spark(curve: Sequence[float]) -> str:
    """Returns a curve as blocks, one per value."""
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round(min(max(value / HIGHEST, 0.0), 1.0) * steps)] for value in curve)
