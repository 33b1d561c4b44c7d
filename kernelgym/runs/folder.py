"""The folder of a run: `run.json`, `episodes.jsonl`, `summary.json`; survives being killed at any moment.

An episode is one line, written and flushed to the disk when it has finished. Whoever is killed while writing leaves
half a line behind, which the next run drops; nothing else is ever deleted unasked. A lock that the system releases with
the process keeps two runs apart.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from kernelgym.runs.record import EpisodeRecord, RunRecord
from kernelgym.reports import dump_document
from kernelgym.reports.document import dump_line
from kernelgym.errors import RunFolderUnusable

RUN: Final = "run.json"
EPISODES: Final = "episodes.jsonl"
SUMMARY: Final = "summary.json"
LOCK: Final = ".lock"

MAX_LINE_BYTES: Final = 2**28
"""Longest line that is written or read."""

REMEDY: Final = "give another --out, or --restart to delete these episodes and start over"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What `episodes.jsonl` holds."""

    records: tuple[EpisodeRecord, ...] = ()
    half_from: int | None = None
    """Where a last line begins that was not written to its end; None if there is none."""
    unended: bool = False
    """The last line is whole but for its line feed."""


class RunFolder:
    """One run's files; a context manager that holds the folder's lock.

    Args:
        path: The folder; made if there is none.
        run: What is to be run.
        restart: Delete what an earlier run left here.

    Raises:
        RunFolderUnusable: It is in use, holds another run, or can't be read or written.
    """

    def __init__(self, path: Path, run: RunRecord, *, restart: bool = False) -> None:
        self.path = path
        self.episodes: dict[tuple[str, int], EpisodeRecord] = {}
        """The latest record of each episode that an earlier run left here."""
        self._file: BufferedWriter | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = (path / LOCK).open("wb")
            try:
                self._open(run, restart=restart)
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise RunFolderUnusable(f"{path} can't be used ({error.strerror or error}); give another --out") from error

    def append(self, record: EpisodeRecord) -> None:
        """Adds one episode; it is on the disk when this returns.

        Raises:
            RunFolderUnusable: It can't be written, e.g. because the disk is full.
        """
        assert self._file is not None, "the folder is closed"
        line = dump_line(record.model_dump(mode="json")).encode("ascii") + b"\n"
        if len(line) > MAX_LINE_BYTES:
            limit = MAX_LINE_BYTES // 2**20
            raise RunFolderUnusable(f"an episode of {record.problem} is longer than {limit} MiB; play fewer --turns")
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
            self.episodes[record.key] = record
        except OSError as error:
            where = self.path / EPISODES
            raise RunFolderUnusable(
                f"{where} can't be written ({error.strerror}); make room and run the same command again"
            ) from error

    def read_again(self) -> None:
        """Sets `episodes` to what is on the disk, after an interrupt that may have come while writing.

        Raises:
            RunFolderUnusable: It can't be read.
        """
        assert self._file is not None, "the folder is closed"
        self._file.flush()
        self._keep(_read(self.path / EPISODES))

    def write_summary(self, document: object) -> None:
        """Replaces `summary.json`.

        Raises:
            RunFolderUnusable: It can't be written.
        """
        try:
            _write(self.path / SUMMARY, dump_document(document))
        except OSError as error:
            raise RunFolderUnusable(f"{self.path / SUMMARY} can't be written ({error.strerror})") from error

    def close(self) -> None:
        """Releases the folder; calling it again does nothing."""
        if self._file is not None:
            self._file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, run: RunRecord, *, restart: bool) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderUnusable(
                f"another run is writing to {self.path}; wait for it or give another --out"
            ) from None
        if restart:
            for name in (EPISODES, SUMMARY, RUN):
                (self.path / name).unlink(missing_ok=True)
        if (reason := self._refusal(run)) is not None:
            if self._has_episodes():
                raise RunFolderUnusable(reason)
            _write(self.path / RUN, dump_document(run.model_dump(mode="json")))
        self._keep(_read(self.path / EPISODES))
        self._file = (self.path / EPISODES).open("ab")

    def _refusal(self, run: RunRecord) -> str | None:
        """Returns why the episodes that may be here can't be those of `run`; None if they are."""
        path = self.path / RUN
        if not _is_there(path):
            return f"{self.path} holds {EPISODES}, but no {RUN} that says of what; {REMEDY}"
        try:
            earlier = RunRecord.model_validate_json(path.read_bytes())
        except ValidationError:
            return f"{path} is not a run of this version; {REMEDY}"
        differences = earlier.differences(run)
        return f"{self.path} holds another run: {'; '.join(differences)}; {REMEDY}" if differences else None

    def _has_episodes(self) -> bool:
        """Returns whether anything would be lost if `run.json` were that of another run."""
        try:
            return bool(_read(self.path / EPISODES).records)
        except RunFolderUnusable:  # what can't be read may be worth something to somebody else
            return True

    def _keep(self, found: _Found) -> None:
        """Takes over what was found, and mends the end of the file so that lines can be added."""
        path = self.path / EPISODES
        if found.half_from is not None:
            os.truncate(path, found.half_from)
        elif found.unended:
            with path.open("ab") as file:
                file.write(b"\n")
        self.episodes = {record.key: record for record in found.records}

def read_run_record(path: Path) -> RunRecord:
    """Returns what the run in the folder `path` is.

    Raises:
        RunFolderUnusable: There is none of this version.
    """
    file = path / RUN
    if not _is_there(file):
        raise RunFolderUnusable(f"{path} holds no run: there is no {RUN}; give the --out of a `kernelgym run`")
    try:
        return RunRecord.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise RunFolderUnusable(f"{file} is not a run of this version; play it again") from error
    except OSError as error:
        raise RunFolderUnusable(f"{file} can't be read ({error.strerror or error})") from error


def read_episodes(path: Path) -> tuple[EpisodeRecord, ...]:
    """Returns all episodes in the folder `path`, in the order in which they were written.

    Raises:
        RunFolderUnusable: A line is no episode. Half a last line is left out.
    """
    try:
        return _read(path / EPISODES).records
    except OSError as error:
        raise RunFolderUnusable(f"{path / EPISODES} can't be read ({error.strerror or error})") from error


def _read(path: Path) -> _Found:
    """Returns the episodes in a file; changes nothing.

    Raises:
        RunFolderUnusable: A line is no episode. Only a last one that is neither JSON nor ended is half a line.
    """
    if not _is_there(path):
        return _Found()
    records: list[EpisodeRecord] = []
    begin = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            ended = line.endswith(b"\n")
            try:
                document = json.loads(line)
            except (ValueError, RecursionError) as error:
                if not ended and len(line) <= MAX_LINE_BYTES:
                    return _Found(records=tuple(records), half_from=begin)
                raise _no_episode(path, len(records)) from error
            try:
                records.append(EpisodeRecord.model_validate(document))
            except ValidationError as error:
                raise _no_episode(path, len(records)) from error
            if not ended:
                return _Found(records=tuple(records), unended=True)
            begin += len(line)
    return _Found(records=tuple(records))


def _no_episode(path: Path, before: int) -> RunFolderUnusable:
    return RunFolderUnusable(f"line {before + 1} of {path} is no episode of this version; {REMEDY}")


def _is_there(path: Path) -> bool:
    """Returns whether there is such a file.

    Raises:
        RunFolderUnusable: It is something else, e.g. a link to a device, which may have no end.
    """
    if path.exists() and not path.is_file():
        raise RunFolderUnusable(f"{path} is no regular file; give another --out")
    return path.exists()


def _write(path: Path, text: str) -> None:
    """Replaces a file at once: whoever is killed meanwhile leaves the old one."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
