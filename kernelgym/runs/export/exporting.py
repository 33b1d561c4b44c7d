"""From the folders of runs to one file of rows."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage
from kernelgym.metrics import UNCOUNTED
from kernelgym.runs.export.choosing import LeftOut, Limits, choose
from kernelgym.runs.export.files import check_suffix, open_writer
from kernelgym.runs.export.rows import (
    PROMPT_COLUMNS,
    TRAJECTORY_COLUMNS,
    TURN_COLUMNS,
    Row,
    prompt_row,
    trajectory_row,
    turn_row,
)  # fmt: skip
from kernelgym.runs.reading import iterate_episodes, read_run_record
from kernelgym.runs.record import EpisodeRecord, encodable

Played = tuple[str, EpisodeRecord]
"""The name of a run, and an episode of it."""


class Format(StrEnum):
    """What a row is."""

    SFT = "sft"
    """A good turn: `prompt` and `completion`."""
    RL = "rl"
    """A turn, good or bad: `prompt`, `completion`, `reward`."""
    PROMPTS = "prompts"
    """A problem: `prompt`, and what became of it."""
    TRAJECTORIES = "trajectories"
    """An episode: all messages, completions and rewards."""


COLUMNS: Final[Mapping[Format, Mapping[str, str]]] = {
    Format.SFT: TURN_COLUMNS,
    Format.RL: TURN_COLUMNS,
    Format.PROMPTS: PROMPT_COLUMNS,
    Format.TRAJECTORIES: TRAJECTORY_COLUMNS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    rows: int
    problems: int
    left_out: dict[str, int]
    """Turns (episodes, where rows are no turns) that were not written, by reason."""


def export(folders: Sequence[Path], out: Path, format_: Format, limits: Limits) -> Exported:
    """Writes what was learned in some runs into one file; one problem's episodes are in memory at a time.

    Nothing of an episode that was lost or skipped is written. One that ended by an error of the policy counts as in
    metrics, and the turns before the error are as good as any.

    Args:
        folders: Of runs.
        out: Ends in `.parquet` or `.jsonl`; replaced if it is there.
        format_: What a row is.
        limits: Which turns; `PROMPTS` and `TRAJECTORIES` take all.

    Raises:
        RunFolderUnusable: A folder holds no run.
        BadUsage: A folder is named twice, the file can't be written, or nothing is left to write.
    """
    check_suffix(out)
    for folder in folders:
        read_run_record(folder)
    rows, problems, left_out = 0, set(), Counter[LeftOut]()
    with open_writer(out, COLUMNS[format_]) as writer:
        for problem, played in groupby(_played(folders), key=lambda pair: pair[1].problem):
            made, skipped = _rows(list(played), format_, limits)
            left_out += skipped
            for row in made:
                writer.write(row)
                problems.add(problem)
            rows += len(made)
        if not rows:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
            raise BadUsage(f"nothing is left to export ({reasons or 'there are no episodes'}); ask for less")
    return Exported(rows=rows, problems=len(problems), left_out={str(k): n for k, n in sorted(left_out.items())})


def _played(folders: Sequence[Path]) -> Iterator[Played]:
    """Yields the episodes of all runs by problem and sample."""
    runs = [_named(encodable(name), iterate_episodes(folder)) for name, folder in _names(folders).items()]
    return heapq.merge(*runs, key=lambda pair: pair[1].key)


def _names(folders: Sequence[Path]) -> dict[str, Path]:
    """Returns the folders by what their runs are called: their last part where that tells them apart.

    Raises:
        BadUsage: A folder is named twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, resolved, strict=True):
        if resolved.count(path) > 1:
            raise BadUsage(f"{folder} is named twice; its rows would be in the file twice, too")
    short = len({path.name for path in resolved}) == len(resolved)
    return {path.name if short else str(folder): folder for folder, path in zip(folders, resolved, strict=True)}


def _named(run: str, episodes: Iterator[EpisodeRecord]) -> Iterator[Played]:
    return ((run, episode) for episode in episodes)


def _rows(played: list[Played], format_: Format, limits: Limits) -> tuple[list[Row], Counter[LeftOut]]:
    """Returns the rows of one problem, and what was left out."""
    if format_ in (Format.SFT, Format.RL):
        chosen, left_out = choose(played, limits)
        return [turn_row(candidate) for candidate in chosen], left_out
    known = [(run, episode) for run, episode in played if episode.loss not in UNCOUNTED]
    told = [(run, episode) for run, episode in known if episode.turns]
    if format_ is Format.PROMPTS:
        kept = known if told else []  # without any turn, nobody knows the task
        rows = [prompt_row([episode for _, episode in kept])] if kept else []
    else:
        kept = told
        rows = [trajectory_row(run, episode) for run, episode in kept]
    return rows, +Counter({LeftOut.LOST: len(played) - len(kept)})
