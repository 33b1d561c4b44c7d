"""A calibration as a table for people and as a document for programs."""

from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.wording import cut, percent
from policies.curriculum.calibration import Calibration, ProblemDifficulty
from policies.curriculum.verdict import Verdict

LEVEL: Final = 0.9
"""Probability of the credible intervals."""

MAX_ID: Final = 60
"""Characters of an id that are shown."""

STYLES: Final = {
    Verdict.TOO_EASY: "dim",
    Verdict.EASY: "green",
    Verdict.INFORMATIVE: "bold green",
    Verdict.HARD: "yellow",
    Verdict.IMPOSSIBLE: "dim",
    Verdict.UNKNOWN: "dim",
}


def render_calibration(calibration: Calibration, group_size: int) -> RenderableType:
    """Returns the table of all problems, and in a line how many are worth a training step."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("problem", overflow="fold")
    for header in ("solved", "mean", f"{percent(LEVEL)} interval", "mixed"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for found in calibration.problems:
        low, high = found.belief.interval(LEVEL)
        table.add_row(
            Text(cut(found.problem, MAX_ID)),
            f"{found.successes} of {found.attempts}" + (f", {found.lost} lost" if found.lost else ""),
            percent(found.belief.mean),
            f"{percent(low)} – {percent(high)}",
            percent(found.belief.mixed_group(group_size)),
            Text(found.verdict, style=STYLES[found.verdict]),
        )
    caption = f"mixed: probability that a group of {group_size} attempts has successes and failures"
    return Group(table, Text(_summary(calibration)), Text(caption, style="dim"))


def calibration_document(calibration: Calibration, group_size: int) -> dict[str, Any]:
    """Returns the same as plain data."""
    return {
        "success": str(calibration.success),
        "turn": calibration.speaking.value,
        "interval_level": LEVEL,
        "group_size": group_size,
        "cautions": list(calibration.cautions),
        "counts": {verdict.value: count for verdict, count in calibration.counts.items()},
        "useful": list(calibration.useful),
        "problems": [_row(found, group_size) for found in calibration.problems],
    }


def _row(found: ProblemDifficulty, group_size: int) -> dict[str, Any]:
    return {
        "problem": found.problem,
        "successes": found.successes,
        "attempts": found.attempts,
        "lost": found.lost,
        "mean": found.belief.mean,
        "interval": found.belief.interval(LEVEL),
        "mixed_group": found.belief.mixed_group(group_size),
        "verdict": found.verdict.value,
    }


def _summary(calibration: Calibration) -> str:
    counts = calibration.counts
    others = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count and verdict != "informative")
    total = f"{counts[Verdict.INFORMATIVE]} of {len(calibration.problems)} problems are informative"
    what = f"success is `{calibration.success}` at the {calibration.speaking} turn"
    return f"{total}{f', {others}' if others else ''}; {what}"
