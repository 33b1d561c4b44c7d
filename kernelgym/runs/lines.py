"""`episodes.jsonl`: one episode per line, found again by where its line begins.

Only keys, places and losses are kept in memory, so that a run of any length needs little; an episode is read when it is
asked for. If two lines have the same problem and sample, the later one counts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from kernelgym.errors import RunFolderUnusable
from kernelgym.runs.record import EpisodeRecord, Key, Loss

MAX_LINE_BYTES: Final = 2**28
"""Longest line that is written or read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode is, and whether it counts."""

    begin: int
    """Byte at which its line begins."""
    loss: Loss | None


@dataclass(slots=True, kw_only=True)
class Lines:
    """What a file of episodes holds."""

    places: dict[Key, Place] = field(default_factory=dict)
    """The latest record of each episode."""
    half_from: int | None = None
    """Where a last line begins that was not written to its end; None if there is none."""
    unended: bool = False
    """The last line is whole but for its line feed."""


def scan(path: Path, remedy: str = "mend or remove it") -> Lines:
    """Returns where the episodes in a file are; every one is validated, none is kept, and nothing is changed.

    Args:
        path: The file.
        remedy: What whoever reads it can do about a line that is no episode.

    Raises:
        RunFolderUnusable: A line is no episode. Only a last one that is neither JSON nor ended is half a line.
    """
    found = Lines()
    if not is_there(path):
        return found
    begin = number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            ended = line.endswith(b"\n")
            try:
                document = json.loads(line)
            except (ValueError, RecursionError) as error:
                if not ended and len(line) <= MAX_LINE_BYTES:
                    found.half_from = begin
                    return found
                raise _no_episode(path, number, remedy) from error
            try:
                record = EpisodeRecord.model_validate(document)
            except ValidationError as error:
                raise _no_episode(path, number, remedy) from error
            found.places[record.key] = Place(begin, record.loss)
            found.unended = not ended
            begin += len(line)
    return found


def read_episodes_at(path: Path, places: Mapping[Key, Place]) -> Iterator[EpisodeRecord]:
    """Yields the episodes at `places` in the order of problem and sample, one in memory at a time.

    Raises:
        RunFolderUnusable: There is none any more.
    """
    if not places:
        return
    with path.open("rb") as file:
        for _, place in sorted(places.items()):
            file.seek(place.begin)
            try:
                yield EpisodeRecord.model_validate(json.loads(file.readline(MAX_LINE_BYTES + 1)))
            except ValueError as error:
                raise RunFolderUnusable(f"{path} was changed while it was read; read it again") from error


def is_there(path: Path) -> bool:
    """Returns whether there is such a file.

    Raises:
        RunFolderUnusable: It is something else, e.g. a link to a device, which may have no end.
    """
    if path.exists() and not path.is_file():
        raise RunFolderUnusable(f"{path} is no regular file; give another folder")
    return path.exists()


def _no_episode(path: Path, number: int, remedy: str) -> RunFolderUnusable:
    return RunFolderUnusable(f"line {number} of {path} is no episode of this version; {remedy}")
