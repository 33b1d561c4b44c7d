"""How many processes a request has and how much memory they hold together; `RLIMIT_AS` bounds only each of them."""

import os
from pathlib import Path

__all__ = ["descendants", "grown_bytes", "own_bytes"]

_KIB = 1024


_ROWS = ("RssAnon:", "RssShmem:")


def own_bytes(process: int) -> int:
    """Resident memory of one process that no file backs, in bytes; 0 if it is gone.

    Anonymous and shared pages, also those it still shares since `fork`.
    """
    try:
        with Path("/proc", str(process), "status").open(encoding="ascii", errors="replace") as status:
            return sum(int(row.split()[1]) for row in status if row.startswith(_ROWS)) * _KIB
    except (OSError, ValueError):
        return 0


def descendants() -> list[int]:
    """Process ids of all descendants of this process, zombies included.

    They are found by `/proc/PID/task/TID/children`; on a kernel without it (`CONFIG_PROC_CHILDREN`) there seem to be
    none, and resource limits alone decide.
    """
    found = _children(os.getpid())
    for process in found:
        found += _children(process)  # the loop reaches what it appends
    return found


def grown_bytes(processes: list[int], inherited: int) -> int:
    """Memory in bytes that processes hold beyond the `inherited` bytes each got from the zygote."""
    return sum(max(0, own_bytes(process) - inherited) for process in processes)


def _children(process: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path("/proc", str(process), "task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        return found  # it ended meanwhile
    return found
