"""Signs that the machine failed, not the candidate: no disk, no descriptors, no memory, a process killed from outside.

What is found here is never a verdict: the evaluation is repeated, or lost (`MachineFailed`).
"""

import errno
import os
import signal
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandboxes.errors import MachineFailed
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.isolation.exchange import OUTSIDE_SIGNALS

ERRORS: Final = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space on its disk",
    errno.EROFS: "its disk is read-only; mount it anew, or set TMPDIR to another one",
    errno.EIO: "its disk fails; look at the system's log, or set TMPDIR to another one",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files of the system (fs.file-max)",
    errno.ENOMEM: "free memory, or use fewer workers",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or use fewer workers",
}
"""Errors of the operating system that our own code meets when the machine lacks something; what to do about them."""

MIN_FREE_BYTES: Final = 8 * 2**20
"""Below that a disk counts as full: what could not be written may have been removed again."""


def machine_failure(error: BaseException | None) -> MachineFailed | None:
    """Returns what an exception of our own code says about the machine; None if it says nothing."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in ERRORS:
            where = f" at {error.filename}" if error.filename else ""
            return MachineFailed(f"this machine fails: {error.strerror}{where}; {ERRORS[error.errno]}")
        error = error.__cause__ or error.__context__
    return None


def full_disk(folders: Iterable[str] = ()) -> MachineFailed | None:
    """Returns an error if there is hardly space left where this process, or Triton in it, writes files.

    Args:
        folders: Look at these instead.
    """
    usual = (tempfile.gettempdir(), os.environ.get("TRITON_CACHE_DIR", ""))
    for folder in filter(None, tuple(folders) or usual):
        path = Path(folder)
        with suppress(OSError):
            status = os.statvfs(path if path.exists() else path.parent)
            free = status.f_bavail * status.f_frsize
            if free < MIN_FREE_BYTES or (status.f_files and not status.f_favail):
                return MachineFailed(
                    f"the disk of {folder} is full ({free} bytes free); free space there, or set TMPDIR"
                )
    return None


def killed_from_outside(number: int, kills_before: int) -> bool:
    """True if a process that died of this signal can't have died of what it did itself.

    Args:
        number: Of the signal.
        kills_before: What `out_of_memory_kills` said before.
    """
    return number in OUTSIDE_SIGNALS and (number != signal.SIGKILL or out_of_memory_kills() <= kills_before)
