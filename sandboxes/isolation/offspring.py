"""Forking and the end of everything forked: the one place where a child process begins, and the sweep.

The sweep relies on the zygote being a child subreaper (or PID 1): whatever a request double-forked, daemonised or
moved to another session becomes a child of the zygote the moment its parent dies, so "I have no children" is proof
that nothing is left.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["SETUP_FAILED", "children_of", "is_alive", "is_stopped", "offspring_of", "spawn", "sweep"]

SETUP_FAILED = 70
"""Exit code of a child whose own code, not the candidate's, raised (`EX_SOFTWARE`)."""


def spawn(body: Callable[[], None]) -> int:
    """Fork; the child runs `body` and exits 0, or 70 with a traceback on stderr if `body` raises.

    Returns:
        The child's process id, in the parent. The child never returns into the caller's frames.
    """
    child = os.fork()
    if child:
        return child
    code = SETUP_FAILED
    try:
        body()
        code = 0
    except BaseException:  # noqa: BLE001 - the boundary: nothing may unwind into the parent's copied stack
        traceback.print_exc()
    finally:
        os._exit(code)


def sweep(user_id: int | None, within_s: float) -> bool:
    """Kill and reap every descendant of this process.

    Args:
        user_id: The foreign user id requests run as, if they do: then one `kill(-1)` takes all at once, which
            no fork bomb outruns.
        within_s: How long to try.

    Returns:
        Whether nothing is left.
    """
    deadline = time.monotonic() + within_s
    while not _reap():
        if time.monotonic() > deadline:
            return False
        if user_id is not None:
            os.waitpid(spawn(lambda: _kill_user(user_id)), 0)
        for process in offspring_of(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.0005)
    return True


def _reap() -> bool:
    """Collect dead children; true if there is no child at all."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _kill_user(user_id: int) -> None:
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    os.kill(-1, signal.SIGKILL)


def offspring_of(root: int) -> list[int]:
    """Every process below `root` in the process tree, as far as `/proc` shows it."""
    parents = _parents()
    own = {root}
    found: list[int] = []
    while own:
        own = {child for child, parent in parents.items() if parent in own}
        found += own
    return found


def children_of(root: int) -> list[int]:
    """Every process whose parent is `root`."""
    return [child for child, parent in _parents().items() if parent == root]


def is_stopped(process: int) -> bool:
    """Whether a process is stopped by a signal."""
    try:
        return _state(process) == b"T"
    except (OSError, IndexError):
        return False


def is_alive(process: int) -> bool:
    """Whether a process has not ended; one that nobody has reaped yet has."""
    try:
        return _state(process) not in {b"Z", b"X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, IndexError):  # nothing can be said, e.g. for lack of file descriptors
        return True


def _state(process: int) -> bytes:
    return Path("/proc", str(process), "stat").read_bytes().rpartition(b")")[2].split()[0]


def _parents() -> dict[int, int]:
    """The parent of every process."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - runs in a tight loop against a fork bomb
        if not name.isdigit():
            continue
        try:
            with Path("/proc", name, "stat").open("rb") as stat:
                parents[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    return parents
