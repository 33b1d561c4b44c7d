"""The folder of a run: `run.json`, `episodes.jsonl`, `summary.json`; survives being killed at any moment.

An episode is one line, written and flushed to the disk when it has finished. Whoever is killed while writing leaves
half a line behind, which the next run drops; nothing else is ever deleted unasked. A lock that the system releases with
the process keeps two runs apart.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from kernelgym.errors import RunFolderUnusable
from kernelgym.reports import dump_document
from kernelgym.reports.document import dump_line
from kernelgym.runs.lines import MAX_LINE_BYTES, Lines, Place, is_there, read_episodes_at, scan
from kernelgym.runs.record import EpisodeError, EpisodeRecord, Key, Loss
from kernelgym.runs.run_record import RunRecord

RUN: Final = "run.json"
EPISODES: Final = "episodes.jsonl"
SUMMARY: Final = "summary.json"
LOCK: Final = ".lock"

SECRET_BYTES: Final = 16
"""Length of a secret that input values are derived from."""

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
        self.run = run
        """What is run; a data seed that was not asked for is that of the earlier run here, or a new secret."""
        self._places: dict[Key, Place] = {}
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

    @property
    def losses(self) -> dict[Key, Loss | None]:
        """Of each episode that is here, why it does not count; None if it does."""
        return {key: place.loss for key, place in self._places.items()}

    def episodes(self) -> Iterator[EpisodeRecord]:
        """Yields the latest record of each episode by problem and sample; they are read from the disk one by one."""
        assert self._file is not None, "the folder is closed"
        self._file.flush()
        return read_episodes_at(self.path / EPISODES, self._places)

    def append(self, record: EpisodeRecord) -> None:
        """Adds one episode; it is on the disk when this returns.

        One whose texts do not fit into a line is kept without them, as a failure of the policy that wrote them.

        Raises:
            RunFolderUnusable: It can't be written, e.g. because the disk is full.
        """
        assert self._file is not None, "the folder is closed"
        line = _line(record)
        if len(line) > MAX_LINE_BYTES:
            record = _too_long(record)
            line = _line(record)
        try:
            begin = self._file.tell()
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._places[record.key] = Place(begin, record.loss)
        except OSError as error:
            where = self.path / EPISODES
            raise RunFolderUnusable(
                f"{where} can't be written ({error.strerror}); make room and run the same command again"
            ) from error

    def read_again(self) -> None:
        """Finds the episodes that are on the disk, after an interrupt that may have come while writing.

        Raises:
            RunFolderUnusable: It can't be read.
        """
        assert self._file is not None, "the folder is closed"
        self._file.flush()
        self._keep(scan(self.path / EPISODES, REMEDY))

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
        earlier = self._earlier(run)
        if isinstance(earlier, RunRecord):
            self.run = earlier
        elif self._has_episodes():
            raise RunFolderUnusable(earlier)
        else:
            if not run.data_seed:
                self.run = run.model_copy(update={"data_seed": secrets.token_hex(SECRET_BYTES)})
            _write(self.path / RUN, dump_document(self.run.model_dump(mode="json")))
        self._keep(scan(self.path / EPISODES, REMEDY))
        self._file = (self.path / EPISODES).open("ab")

    def _earlier(self, run: RunRecord) -> RunRecord | str:
        """Returns the run whose episodes are here, or why they can't be those of `run`."""
        path = self.path / RUN
        if not is_there(path):
            return f"{self.path} holds {EPISODES}, but no {RUN} that says of what; {REMEDY}"
        try:
            earlier = RunRecord.model_validate_json(path.read_bytes())
        except ValidationError:
            return f"{path} is not a run of this version; {REMEDY}"
        differences = earlier.differences(run)
        return f"{self.path} holds another run: {'; '.join(differences)}; {REMEDY}" if differences else earlier

    def _has_episodes(self) -> bool:
        """Returns whether anything would be lost if `run.json` were that of another run."""
        try:
            return bool(scan(self.path / EPISODES, REMEDY).places)
        except RunFolderUnusable:  # what can't be read may be worth something to somebody else
            return True

    def _keep(self, found: Lines) -> None:
        """Takes over what was found, and mends the end of the file so that lines can be added."""
        path = self.path / EPISODES
        if found.half_from is not None:
            os.truncate(path, found.half_from)
        elif found.unended:
            with path.open("ab") as file:
                file.write(b"\n")
        self._places = found.places


def _line(record: EpisodeRecord) -> bytes:
    return dump_line(record.model_dump(mode="json")).encode("ascii") + b"\n"


def _too_long(record: EpisodeRecord) -> EpisodeRecord:
    limit = MAX_LINE_BYTES / 2**20
    message = f"the texts of its {len(record.turns)} turns are longer than {limit:g} MiB; shorten completions"
    return EpisodeRecord(
        problem=record.problem, sample=record.sample, seed=record.seed, policy=record.policy,
        error=EpisodeError(kind=Loss.POLICY, message=message),
    )  # fmt: skip


def _write(path: Path, text: str) -> None:
    """Replaces a file at once: whoever is killed meanwhile leaves the old one."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
