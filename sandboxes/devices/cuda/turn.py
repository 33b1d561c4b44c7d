"""Whose turn it is on a GPU that several worker processes share: what is timed next to other work is worth nothing.

The lock is a file per GPU, found by its uuid, so that workers of one machine meet whatever they call the GPU. The
kernel gives it back when its holder ends, however that happens. Waiting is nobody's fault: who watches a worker is
told when it begins and ends to wait.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from sandboxes.errors import MachineFailed

FOLDER: Final = Path("/tmp")
"""Where all workers of a machine meet: the folder for temporary files that they are told is each one's own."""


class Turn(StrEnum):
    """What has become of a turn."""

    WAITING = "waiting"
    """Another process uses the GPU; this one sleeps until that has done."""
    BEGAN = "began"
    """The GPU works for this process, which may sleep meanwhile."""
    RUNNING = "running"
    """Within its turn, the candidate's kernels begin to run: if they don't end, nobody here can say so."""
    RAN = "ran"
    """They have ended; the turn goes on."""
    OVER = "over"
    """This process has done with the GPU."""


OnTurn = Callable[[Turn], None]


@contextmanager
def turn(uuid: str | None, on_turn: OnTurn = lambda turn: None, folder: Path = FOLDER) -> Iterator[None]:
    """Inside it nobody else who takes turns uses the GPU.

    Args:
        uuid: Of the GPU (`GpuFacts.uuid`), or of a slice of it: slices have turns of their own. None: nobody else can
            have it, since it is simulated in this process.
        on_turn: Told what becomes of it; of waiting only if there is somebody to wait for.
        folder: Where the lock is.

    Raises:
        MachineFailed: The lock can't be used.
    """
    if uuid is None:
        on_turn(Turn.BEGAN)
        try:
            yield
        finally:
            on_turn(Turn.OVER)
        return
    file = _open(folder / f"kernelgym-turn-{re.sub(r'[^A-Za-z0-9-]', '_', uuid)}.lock")
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_turn(Turn.WAITING)
            fcntl.flock(file, fcntl.LOCK_EX)
        on_turn(Turn.BEGAN)
        try:
            yield
        finally:
            on_turn(Turn.OVER)
    finally:
        os.close(file)


@contextmanager
def running(on_turn: OnTurn) -> Iterator[None]:
    """Inside it, within a turn, the candidate's kernels run."""
    on_turn(Turn.RUNNING)
    try:
        yield
    finally:
        on_turn(Turn.RAN)


def _open(path: Path) -> int:
    """Returns the lock's file: another user's as well, which may be read but not made anew (`fs.protected_regular`)."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            return os.open(path, flags | os.O_CREAT, 0o644)
    except OSError as error:
        raise MachineFailed(f"the lock of a GPU can't be opened: {error}; remove {path}") from error
