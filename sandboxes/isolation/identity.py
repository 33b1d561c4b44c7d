"""The user id untrusted code gets: another than the zygote's wherever the machine allows it.

A process of a foreign user id can neither signal nor trace the zygote, and the kernel counts its processes apart.
"""

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from sandboxes.isolation.landlock import LANDLOCK_SIGNALS, landlock_version
from sandboxes.isolation.syscalls import CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, capability_set

__all__ = ["choose_user_id", "processes_of_user"]

_HIGH_RANGE = (0x60000000, 0x6FFFFFFF)
_LOW_RANGE = (40_000, 60_000)


def choose_user_id(needed: Iterable[str]) -> int | None:
    """A random user id that no account has and this process may become, or `None` if there is none.

    Args:
        needed: Paths that have to be reachable for that user.

    Raises:
        PermissionError: If a path is private to root and nothing else would confine code that stays root.
    """
    held = capability_set()
    if not (held >> CAP_SETUID & 1 and held >> CAP_SETGID & 1):
        return None
    confined_anyway = landlock_version() >= LANDLOCK_SIGNALS
    if not (confined_anyway and held >> CAP_DAC_READ_SEARCH & 1) and (private := _first_private(needed)):
        if confined_anyway:
            return None
        remedy = f"chmod o+x {private}, or install Python where every user reaches it"
        raise PermissionError(f"{private} is closed to other users than root; {remedy}")
    for low, high in (_HIGH_RANGE, _LOW_RANGE):
        candidate = low + secrets.randbelow(high - low)
        if _is_mapped(candidate, "uid_map") and _is_mapped(candidate, "gid_map"):
            return candidate
    return None


def _first_private(paths: Iterable[str]) -> str | None:
    for path in paths:
        for place in (Path(path), *Path(path).parents):
            if place.is_dir() and not place.stat().st_mode & stat.S_IXOTH:
                return str(place)
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


def processes_of_user(user_id: int) -> dict[int, int]:
    """The living processes of this real user id that `/proc` shows, each with its number of threads."""
    found: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - runs once per request
        if not name.isdigit():
            continue
        try:
            with Path("/proc", name, "status").open(encoding="ascii", errors="replace") as status:
                rows = dict(row.split(":", 1) for row in status if ":" in row)
        except OSError:
            continue  # it ended meanwhile
        if int(rows["Uid"].split()[0]) == user_id and "Z" not in rows["State"].split()[0]:
            found[int(name)] = int(rows.get("Threads", "1"))
    return found
