"""Answers in a file, so that they outlive the process; a file that can't be used costs nothing but what was in it."""

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.ledger.answers import AnswersInMemory, Kept

LOG: Final = logging.getLogger(__name__)

SCHEMA: Final = 1
"""`user_version` of the file; one of another version is damaged, for us."""
BUSY_S: Final = 5.0
"""How long another process that uses the same file may write."""
STAND_INS: Final = 1000
"""Answers kept in memory where the file takes no more."""
DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR)
"""What SQLite says of a file that is half written, overwritten, or not one of ours (primary result codes)."""

T = TypeVar("T")


class AnswersInFile:
    """Keeps answers in an SQLite database: what was put survives SIGKILL; several processes may use the same file.

    A damaged file is set aside as `<name>.damaged`. Where the disk is full, the newest answers are kept in memory and
    counted in `unkept`.

    Args:
        path: The file; its folder is made.
        most: How many are kept.
        ttl_s: How long, by the wall clock.

    Raises:
        LedgerUnavailable: The file can't be opened, for reasons other than its content.
    """

    def __init__(self, path: Path, most: int, ttl_s: float) -> None:
        self._path = path
        self._most = most
        self._ttl_s = ttl_s
        self._stand_ins = AnswersInMemory(min(most, STAND_INS), ttl_s)
        self.unkept = 0
        """Answers that the file did not take."""
        self._count = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = self._open()
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnavailable(
                f"the answers can't be kept in {path}: {error}; name a file in a folder that can be written to"
            ) from error

    def put(self, id: str, kept: Kept) -> None:
        """See `Answers.put`."""
        if self._try(lambda: self._insert(id, kept)) is None:
            self.unkept += 1
            self._stand_ins.put(id, kept)

    def get(self, id: str) -> Kept | None:
        """See `Answers.get`."""
        return self._stand_ins.get(id) or self._try(lambda: self._select(id))

    def use(self, id: str) -> None:
        """See `Answers.use`."""
        self._stand_ins.use(id)
        self._try(lambda: self._database.execute(f"UPDATE answers SET used = ({_NEXT}) WHERE id = ?", (id,)))

    def forget(self, id: str) -> None:
        """See `Answers.forget`."""
        self._stand_ins.forget(id)
        if (gone := self._try(lambda: self._database.execute("DELETE FROM answers WHERE id = ?", (id,)))) is not None:
            self._count -= gone.rowcount

    def __len__(self) -> int:
        return self._count + len(self._stand_ins)

    def close(self) -> None:
        """See `Answers.close`."""
        with suppress(sqlite3.Error):
            self._database.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside(error)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version != SCHEMA:
                if tables:
                    raise _foreign(version)
                database.executescript(_TABLE)
            self._count = database.execute("SELECT count(*) FROM answers").fetchone()[0]
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _set_aside(self, error: sqlite3.Error) -> None:
        aside = self._path.with_name(self._path.name + ".damaged")
        LOG.warning("the file of answers %s can't be read (%s); it is now %s, and begun anew", self._path, error, aside)
        self._path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _try(self, step: Callable[[], T]) -> T | None:
        """Returns what `step` returns; None if the file can't do it. A damaged file is begun anew."""
        try:
            return step()
        except sqlite3.Error as error:
            if _is_damage(error):
                self._renew(error)
            elif not self.unkept:
                LOG.warning("the file of answers %s takes no more (%s); make room on its disk", self._path, error)
            return None

    def _renew(self, error: sqlite3.Error) -> None:
        self.close()
        try:
            self._set_aside(error)
            self._database = self._prepared()
        except (OSError, sqlite3.Error) as failure:
            LOG.warning(
                "the file of answers %s can't be begun anew: %s; answers are kept in memory", self._path, failure
            )

    def _insert(self, id: str, kept: Kept) -> bool:
        now = time.time()
        values = (id, kept.record, kept.attempts, kept.request_id, now + self._ttl_s)
        there = self._database.execute("SELECT count(*) FROM answers WHERE id = ?", (id,)).fetchone()[0]
        self._database.execute(f"INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ({_NEXT}))", values)
        self._count += 1 - there
        if self._count > self._most:
            self._trim(now)
        return True

    def _select(self, id: str) -> Kept | None:
        row = self._database.execute(
            "SELECT record, attempts, request_id FROM answers WHERE id = ? AND expires > ?", (id, time.time())
        ).fetchone()
        return None if row is None else Kept(record=bytes(row[0]), attempts=int(row[1]), request_id=str(row[2]))

    def _trim(self, now: float) -> None:
        self._database.execute("DELETE FROM answers WHERE expires <= ?", (now,))
        self._count = self._database.execute("SELECT count(*) FROM answers").fetchone()[0]
        spare = max(0, self._count - self._most)
        self._database.execute(
            "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY used LIMIT ?)", (spare,)
        )
        self._count -= spare


_TABLE: Final = f"""
BEGIN;
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, record BLOB NOT NULL, attempts INTEGER NOT NULL, request_id TEXT NOT NULL,
    expires REAL NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE INDEX IF NOT EXISTS by_expiry ON answers (expires);
PRAGMA user_version = {SCHEMA};
COMMIT;
"""

_NEXT: Final = "SELECT coalesce(max(used), 0) + 1 FROM answers"
"""A number that grows: no clock decides which answer was used last."""


def _foreign(version: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(f"it has the version {version}, and {SCHEMA} is wanted")
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED
