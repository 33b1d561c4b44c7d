"""Which processes descend from which, as /proc tells it; and how all of them end.

Whoever owns a service becomes the *subreaper* of its descendants: a process whose parent was killed becomes its child,
instead of disappearing from sight. That way what a killed worker leaves behind is found, and ended at the end.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36
PAGE_MIB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process as it was when we looked."""

    pid: int
    parent: int
    state: str
    """As in /proc: `Z` for one that has ended and was not asked for."""
    born: int
    """Clock ticks since the machine's start: with `pid`, an identity."""
    rss_mib: float
    command: str

    @property
    def gone(self) -> bool:
        return self.state in "ZX"


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def look(pid: int) -> Process | None:
    """Returns a process; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    name, _, rest = stat.partition("(")[2].rpartition(")")
    fields = rest.split()
    return Process(
        pid=pid, parent=int(fields[1]), state=fields[0], born=int(fields[19]), rss_mib=int(fields[21]) * PAGE_MIB,
        command=command or f"({name})",
    )  # fmt: skip


def everybody() -> dict[int, Process]:
    """Returns all processes of the machine that can be seen."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return {pid: process for pid in pids if (process := look(pid)) is not None}


def descendants(root: int, among: dict[int, Process] | None = None) -> list[Process]:
    """Returns children of `root`, their children, and so on; parents before children."""
    processes = everybody() if among is None else among
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    ahead = [root]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += [process.pid for process in below]
    return found


def send(process: Process, number: signal.Signals) -> bool:
    """Sends a signal to exactly this process; False if it has ended (its number may be somebody else's by now)."""
    now = look(process.pid)
    if now is None or now.born != process.born or now.gone:
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def reap(pid: int) -> None:
    """Takes note of the end of an adopted process, so that it is no zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def end_all(alive: Callable[[], list[Process]], patience_s: float = 10.0) -> list[Process]:
    """Kills processes until `alive` finds none; returns those that would not go."""
    deadline = time.monotonic() + patience_s
    while left := alive():
        if time.monotonic() > deadline:
            return left
        for process in left:
            send(process, signal.SIGKILL)
        time.sleep(0.05)
    return []
