"""Folders for a worker's temporary files, which are removed also if it was killed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "kernelgym-host-"
LOCK: Final = "lock"


class Ground:
    """A folder with one for each process; the process that made it holds it locked.

    Folders of hosts that were killed are removed where the next one starts.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        for stale in parent.glob(f"{PREFIX}*"):
            _remove_if_left(stale)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def settle(self) -> None:
        """Makes this process, and those it starts, put temporary files into a folder of its own."""
        own = self.path / str(os.getpid())
        own.mkdir(exist_ok=True)
        tempfile.tempdir = str(own)

    def processes(self) -> set[int]:
        """Returns the processes that have settled, less those that have ended and been tidied away."""
        try:
            return {int(folder.name) for folder in self.path.iterdir() if folder.name.isdigit()}
        except FileNotFoundError:  # the worker ends
            return set()

    def tidy(self) -> None:
        """Removes the folders of processes that have ended."""
        with suppress(OSError):  # no room for a file descriptor; or somebody has tidied more than us
            for folder in self.path.iterdir():
                if folder.name.isdigit() and not Path("/proc", folder.name).exists():
                    shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def _remove_if_left(folder: Path) -> None:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # another user's, or it is just being made
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
