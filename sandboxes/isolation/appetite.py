"""How much memory a request's processes hold together; `RLIMIT_AS` bounds only each of them."""

import os
from pathlib import Path

__all__ = ["anonymous_bytes", "grown_bytes"]

_KIB = 1024


def anonymous_bytes(process: int) -> int:
    """Resident anonymous memory of one process in bytes, pages still shared since `fork` included; 0 if it is gone."""
    try:
        with Path("/proc", str(process), "status").open(encoding="ascii", errors="replace") as status:
            for row in status:
                if row.startswith("RssAnon:"):
                    return int(row.split()[1]) * _KIB
    except (OSError, ValueError):
        return 0
    return 0


def grown_bytes(inherited: int) -> int:
    """Anonymous memory all descendants of this process hold beyond what each inherited from the zygote.

    Args:
        inherited: Anonymous bytes a process of this request starts with.

    Returns:
        Bytes. Descendants are found by `/proc/PID/task/TID/children`; a kernel without it (`CONFIG_PROC_CHILDREN`)
        yields 0, and `RLIMIT_AS` alone decides.
    """
    total = 0
    pending = _children(os.getpid())
    while pending:
        process = pending.pop()
        total += max(0, anonymous_bytes(process) - inherited)
        pending += _children(process)
    return total


def _children(process: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path("/proc", str(process), "task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        return found  # it ended meanwhile
    return found
