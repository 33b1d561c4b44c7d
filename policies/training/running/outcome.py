"""What came of a training: its numbers by phase, as a table and as data."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import fsum
from typing import Any, Final

from rich.table import Table

PHASES: Final = 4
"""Parts of equal length that a training is summed up by."""

RL_NUMBERS: Final = {
    "return": ("episode/return", "{:.3f}"),
    "best": ("episode/best_reward", "{:.3f}"),
    "correct": ("episode/correct", "{:.0%}"),
    "fast_1": ("episode/fast_1", "{:.0%}"),
    "fast_1.2": ("episode/fast_1.2", "{:.0%}"),
    "hacks": ("episode/hacked", "{:.0%}"),
    "lost": ("episode/lost", "{:.0%}"),
    "s/update": ("seconds", "{:.1f}"),
}
EVALUATION: Final = "eval_"
"""Begins the names of an evaluation's numbers, which have a line of their own."""

EVALUATION_NUMBERS: Final = {
    shown: (f"{EVALUATION}{name}", how) for shown, (name, how) in RL_NUMBERS.items() if name != "seconds"
}
SFT_NUMBERS: Final = {
    "loss": ("loss", "{:.4f}"),
    "accuracy": ("mean_token_accuracy", "{:.1%}"),
    "s/update": ("seconds", "{:.1f}"),
}

Line = Mapping[str, Any]


def phases(lines: Sequence[Line], numbers: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Returns the mean of each number in each phase; None where it was never logged.

    Args:
        lines: Of `metrics.jsonl`; evaluations are left out.
        numbers: By the name to show: the name that was logged, and how it is written.
    """
    lines = [line for line in lines if not is_evaluation(line)]
    parts = min(PHASES, len(lines))
    bounds = [round(index * len(lines) / parts) for index in range(parts + 1)] if parts else []
    found = []
    for begin, end in pairwise(bounds):
        part = lines[begin:end]
        row: dict[str, Any] = {"updates": [part[0]["step"], part[-1]["step"]]}
        for shown, (name, _) in numbers.items():
            values = [line[name] for line in part if line.get(name) is not None]
            row[shown] = fsum(values) / len(values) if values else None
        found.append(row)
    return found


def evaluations(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Returns the numbers of each evaluation, with `updates`: twice how many there were before it."""
    return [
        {"updates": [line["step"]] * 2} | {shown: line.get(name) for shown, (name, _) in EVALUATION_NUMBERS.items()}
        for line in lines
        if is_evaluation(line)
    ]


def is_evaluation(line: Line) -> bool:
    """True if a line of `metrics.jsonl` is one of an evaluation, False if it is one of an update."""
    return any(name.startswith(EVALUATION) for name in line)


def render_phases(
    rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, tuple[str, str]], title: str = "updates"
) -> Table:
    """Returns phases or evaluations as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column(title)
    for shown in numbers:
        table.add_column(shown, justify="right")
    for row in rows:
        begin, end = row["updates"]
        cells = ["-" if row[name] is None else how.format(row[name]) for name, (_, how) in numbers.items()]
        table.add_row(f"{begin} - {end}" if begin != end else str(begin), *cells)
    return table
