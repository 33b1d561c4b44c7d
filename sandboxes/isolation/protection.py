"""What a running sandbox protects against and what it leaves open, in words for people who have to decide."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["Protection", "gaps_of", "protections_of"]


class Protection(StrEnum):
    """Something a backend may or may not have, depending on the machine; what every backend has is not listed."""

    NETWORK = "network"
    """No socket to anywhere, this machine's other processes included."""
    SYSTEM_CALLS = "system calls"
    """The kernel's interfaces that kernels never need are refused."""
    HIDDEN_FILES = "files"
    """No file but the interpreter's and the system's can be read, none but the request's own written."""
    HIDDEN_PROCESSES = "processes"
    """No process but the request's can be seen."""
    SIGNALS = "signals"
    """No process but the request's can be signalled or slowed down."""
    QUOTA = "disk space"
    """The request's files have a common limit."""
    COUNTED = "counted memory"
    """The kernel counts memory and processes of the request as one, files and its own memory included."""


_GAPS: dict[Protection, str] = {
    Protection.NETWORK: "it can open network connections",
    Protection.SYSTEM_CALLS: "no system call is refused",
    Protection.HIDDEN_FILES: "it can read and write every file that its user can",
    Protection.HIDDEN_PROCESSES: "it can see other processes",
    Protection.SIGNALS: "it can signal processes of its user",
    Protection.QUOTA: "its temporary files have no common limit of their own",
    Protection.COUNTED: "memory and processes are counted every 50 ms only, and memory in pipes and files not at all",
}

_LANDLOCK_SIGNALS = 6


def protections_of(kind: str, features: Mapping[str, object]) -> frozenset[Protection]:
    """What a zygote of a sandbox of this kind protects against.

    Args:
        kind: `bubblewrap`, `docker` or `process`.
        features: What the zygote found that it can do.
    """
    apart = kind in ("bubblewrap", "docker")  # from the machine; requests of one zygote need more
    own_files = kind == "bubblewrap" or bool(features.get("own_files"))
    namespaces = bool(features["namespaces"])
    landlock = features["landlock"]
    assert isinstance(landlock, int)
    has = {
        Protection.NETWORK: apart or bool(features["seccomp"]),
        Protection.SYSTEM_CALLS: bool(features["seccomp"]),
        Protection.HIDDEN_FILES: own_files or landlock > 0,
        Protection.HIDDEN_PROCESSES: namespaces or landlock > 0,
        Protection.SIGNALS: namespaces or features["user_id"] is not None or landlock >= _LANDLOCK_SIGNALS,
        Protection.QUOTA: namespaces or kind == "docker",
        Protection.COUNTED: {"memory", "pids"} <= set(str(features["cgroup"]).replace(",", " ").split()),
    }
    return frozenset(protection for protection, there in has.items() if there)


def gaps_of(protections: frozenset[Protection]) -> tuple[str, ...]:
    """One clause per protection that is missing, `files: it can read ...`; empty if none is."""
    return tuple(f"{name}: {gap}" for name, gap in _GAPS.items() if name not in protections)
