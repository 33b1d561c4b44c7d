"""Things that are dear to compute and may be kept: files that the workers of one machine share, beyond their lives.

Nothing depends on it. What is missing, damaged or can't be written, for whatever reason, is computed as if there were
no shelf. Files are written whole or not at all, so that workers need no lock. It holds secrets (what a truth is made of
tells the inputs), so it is only for folders that candidates can't see.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

MAX_SHELF_BYTES: Final = 2 * 2**30

_MAGIC: Final = b"KGSH1"
_DIGEST_BYTES: Final = 32


class Kind(StrEnum):
    """What is kept."""

    TRUTH = "truth"
    """The right answer of one trial of a reference."""
    TIMING = "timing"
    """How long a reference takes on a GPU. Modelled times are not kept: they take a millisecond."""


class Keeper(Protocol):
    """Where something may be kept."""

    def get(self, kind: Kind, key: str) -> bytes | None:
        """Returns what was put there under this key, if it still is there."""
        ...

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        """Keeps something, if there is room."""
        ...


class MemoryShelf:
    """Implements `Keeper` for small things, as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Kind, str], bytes] = {}

    def get(self, kind: Kind, key: str) -> bytes | None:
        """Returns what was put there."""
        return self._kept.get((kind, key))

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        """Keeps it."""
        self._kept[kind, key] = value


class Shelf:
    """Implements `Keeper`: one folder; what has not been looked at for longest goes first.

    Args:
        folder: Made if it is not there, for its owner alone. Its path says what its contents depend on: versions,
            device, precision; those of others are left to whoever cleans up.
        max_bytes: Disk space of all files together.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_SHELF_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, kind: Kind, key: str) -> bytes | None:
        """Returns what was put there under this key; None if it is not there, or damaged."""
        path = self._path(kind, key)
        with suppress(OSError):
            raw = path.read_bytes()
            start = len(_MAGIC) + _DIGEST_BYTES
            if raw[: len(_MAGIC)] == _MAGIC and sha256(memoryview(raw)[start:]).digest() == raw[len(_MAGIC) : start]:
                os.utime(path)
                return raw[start:]
            path.unlink(missing_ok=True)
        return None

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        """Keeps something, if there is room; larger than a quarter of the shelf it is not."""
        if len(value) > self._max_bytes // 4:
            return
        path = self._path(kind, key)
        draft = path.with_name(f".{secrets.token_hex(8)}.draft")
        try:
            self._make_room(len(_MAGIC) + _DIGEST_BYTES + len(value))
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_MAGIC + sha256(value).digest())
                file.write(value)
            draft.replace(path)
        except OSError:  # a full disk, most likely
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def drop(self, kind: Kind, key: str) -> None:
        """Forgets something; it need not be there."""
        with suppress(OSError):
            self._path(kind, key).unlink(missing_ok=True)

    def _path(self, kind: Kind, key: str) -> Path:
        return self._folder / f"{kind}-{sha256(key.encode()).hexdigest()}"

    def _make_room(self, needed: int) -> None:
        files = sorted(self._files())
        total = sum(size for _, size, _ in files) + needed
        for _, size, path in files:
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yields when each file was last looked at, its size and its path."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime, status.st_size, Path(entry.path)
