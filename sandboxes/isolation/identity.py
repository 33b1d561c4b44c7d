"""The user id untrusted code gets: another than the zygote's wherever the machine allows it.

A process of a foreign user id can neither signal nor trace the zygote, and the kernel counts its processes apart.
"""

import os
import secrets
from pathlib import Path

from sandboxes.isolation.syscalls import CAP_SETGID, CAP_SETUID, capability_set

__all__ = ["choose_user_id", "threads_of_user"]

_HIGH_RANGE = (0x60000000, 0x6FFFFFFF)
_LOW_RANGE = (40_000, 60_000)


def choose_user_id() -> int | None:
    """A random user id that no account has and this process may become, or `None` if there is none."""
    held = capability_set()
    if not (held >> CAP_SETUID & 1 and held >> CAP_SETGID & 1):
        return None
    for low, high in (_HIGH_RANGE, _LOW_RANGE):
        candidate = low + secrets.randbelow(high - low)
        if _is_mapped(candidate, "uid_map") and _is_mapped(candidate, "gid_map"):
            return candidate
    return None


def _is_mapped(number: int, table: str) -> bool:
    try:
        rows = Path("/proc/self", table).read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    for row in rows:
        first, _, count = (int(word) for word in row.split())
        if first <= number < first + count:
            return True
    return False


def threads_of_user(user_id: int) -> int:
    """How many threads of this real user id `/proc` shows; the kernel charges them against `RLIMIT_NPROC`."""
    total = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - runs once per request
        if not name.isdigit():
            continue
        try:
            with Path("/proc", name, "status").open(encoding="ascii", errors="replace") as status:
                rows = dict(row.split(":", 1) for row in status if ":" in row)
        except OSError:
            continue  # it ended meanwhile
        if int(rows["Uid"].split()[0]) == user_id:
            total += int(rows.get("Threads", "1"))
    return total
