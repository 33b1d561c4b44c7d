"""A run's folder read back, for metrics, reports and exports; nothing is changed or locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kernelgym.errors import RunFolderUnusable
from kernelgym.runs.folder import EPISODES, RUN
from kernelgym.runs.lines import is_there, read_episodes_at, scan
from kernelgym.runs.record import EpisodeRecord
from kernelgym.runs.run_record import RunRecord


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its episodes."""

    record: RunRecord
    episodes: tuple[EpisodeRecord, ...]
    """The latest record of each, in the order of problem and sample."""


def read_run(path: Path) -> Run:
    """Returns the run in the folder `path` with all its episodes.

    Raises:
        RunFolderUnusable: There is no run of this version, or a line is no episode. Half a last line is left out.
    """
    return Run(read_run_record(path), tuple(iterate_episodes(path)))


def read_run_record(path: Path) -> RunRecord:
    """Returns what the run in the folder `path` is.

    Raises:
        RunFolderUnusable: There is none of this version.
    """
    file = path / RUN
    if not is_there(file):
        raise RunFolderUnusable(f"{path} holds no run: there is no {RUN}; give the --out of a `kernelgym run`")
    try:
        return RunRecord.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise RunFolderUnusable(f"{file} is not a run of this version; play it again") from error
    except OSError as error:
        raise RunFolderUnusable(f"{file} can't be read ({error.strerror or error})") from error


def iterate_episodes(path: Path) -> Iterator[EpisodeRecord]:
    """Yields the latest record of each episode in the folder `path` by problem and sample, one in memory at a time.

    Raises:
        RunFolderUnusable: A line is no episode. Half a last line is left out.
    """
    file = path / EPISODES
    try:
        yield from read_episodes_at(file, scan(file).places)
    except OSError as error:
        raise RunFolderUnusable(f"{file} can't be read ({error.strerror or error})") from error
