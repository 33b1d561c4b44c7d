"""The folder of a run: `run.json`, `episodes.jsonl`, `summary.json`; survives being killed at any moment.

An episode is one line, written and flushed to the disk when it has finished. Whoever is killed while writing leaves
half a line behind, which the next run drops. A lock that the system releases with the process keeps two runs apart.
"""

import fcntl
import json
import os
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from kernelgym.envs.record import EpisodeRecord, RunRecord
from kernelgym.reports import dump_document
from kernelgym.reports.document import dump_line
from policies.errors import RunFolderUnusable

RUN: Final = "run.json"
EPISODES: Final = "episodes.jsonl"
SUMMARY: Final = "summary.json"
LOCK: Final = ".lock"

REMEDY: Final = "give another --out, or --restart to delete these episodes and start over"


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
        try:
            self._file.write(dump_line(record.model_dump(mode="json")).encode("ascii") + b"\n")
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
        self.episodes = {record.key: record for record in self._read()}

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
        if (self.path / RUN).exists():
            self._check(run)
            self.episodes = {record.key: record for record in self._read()}
        elif (self.path / EPISODES).exists():
            raise RunFolderUnusable(f"{self.path} holds {EPISODES}, but no {RUN} that says of what; {REMEDY}")
        else:
            _write(self.path / RUN, dump_document(run.model_dump(mode="json")))
        self._file = (self.path / EPISODES).open("ab")

    def _check(self, run: RunRecord) -> None:
        path = self.path / RUN
        try:
            earlier = RunRecord.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise RunFolderUnusable(f"{path} is not a run of this version; {REMEDY}") from error
        if differences := earlier.differences(run):
            raise RunFolderUnusable(f"{self.path} holds another run: {'; '.join(differences)}; {REMEDY}")

    def _read(self) -> list[EpisodeRecord]:
        """Returns the episodes; cuts off a last line that was not written to its end."""
        path = self.path / EPISODES
        if not path.exists():
            return []
        lines = path.read_bytes().splitlines(keepends=True)
        records: list[EpisodeRecord] = []
        for number, line in enumerate(lines, 1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("it has no end")
                records.append(EpisodeRecord.model_validate(json.loads(line)))
            except ValueError as error:
                if number < len(lines):
                    raise RunFolderUnusable(
                        f"line {number} of {path} is no episode of this version; {REMEDY}"
                    ) from error
                os.truncate(path, sum(map(len, lines[:-1])))
        return records


def _write(path: Path, text: str) -> None:
    """Replaces a file at once: whoever is killed meanwhile leaves the old one."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
