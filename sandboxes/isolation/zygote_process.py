"""The caller's handle on one zygote: start it, know when it is ready, end it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import cgroups
from sandboxes.isolation.emptying import empty
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.footprint import PROJECT_ROOT, interpreter_paths, readable_paths
from sandboxes.isolation.ground import Ground
from sandboxes.isolation.identity import processes_of_user
from sandboxes.isolation.offspring import children_of, is_stopped, offspring_of
from sandboxes.isolation.zygote_handle import ZygoteHandle

__all__ = ["ZYGOTE_ENVIRONMENT", "Plan", "ZygoteProcess"]

ZYGOTE_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 128 MiB of address space
}
"""The whole environment of a zygote, beside the temporary directories; nothing of the caller's is in it."""

_BOOT = "import sys; sys.path[:0] = sys.argv[2:]; from sandboxes.isolation.zygote import main; main(sys.argv[1])"
_END_S = 3.0


class Plan:
    """How one kind of sandbox starts its zygote.

    Args:
        wrap: Gets the Python command and returns the command to start.
        inner_dir: The request directory as the zygote sees it; `None` for one on the host.
        dies_with_parent: Whether `wrap` puts a process between the caller and the zygote.
        namespaces: Whether requests get their own namespaces where permitted.
        remedy: What to do if it does not start.
    """

    def __init__(
        self,
        *,
        wrap: Callable[[list[str]], list[str]],
        inner_dir: str | None,
        dies_with_parent: bool,
        namespaces: bool,
        remedy: str,
    ) -> None:
        self.wrap = wrap
        self.inner_dir = inner_dir
        self.dies_with_parent = dies_with_parent
        self.namespaces = namespaces
        self.remedy = remedy

    def start(self, entry: Entry, within_s: float) -> "ZygoteProcess":
        """Start a zygote; see `ZygoteProcess`."""
        return ZygoteProcess(entry, self, within_s)


class ZygoteProcess(ZygoteHandle):
    """One running zygote, a child of its caller.

    Raises:
        SandboxUnavailable: If it does not become ready, with the end of what it said.
    """

    def __init__(self, entry: Entry, plan: Plan, start_within_s: float) -> None:
        super().__init__()
        self._plan = plan
        self._chain: list[int] = []
        self._work_dir: str | None = None
        if plan.inner_dir is None:
            self._work_dir = tempfile.mkdtemp(prefix="kernelgym-sandbox-")
            os.chmod(self._work_dir, 0o711)  # noqa: PTH101 - a foreign user id has to pass through
        self._cgroups = cgroups.make_cgroups()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        caller_fd = os.pidfd_open(self._owner)
        inner_dir = self._work_dir or str(plan.inner_dir)
        ground = Ground(
            target=entry.target,
            preload=entry.preload,
            control_fd=theirs.fileno(),
            caller_fd=caller_fd,
            work_dir=inner_dir,
            namespaces=plan.namespaces,
            dies_with_parent=plan.dies_with_parent,
            readable=tuple(readable_paths()),
            needed=(*interpreter_paths(), str(PROJECT_ROOT / "sandboxes"), inner_dir),
            cgroups=self._cgroups,
        )
        inherited = [descriptor for cgroup in self._cgroups for descriptor in cgroup.descriptors]
        python = [sys.executable, "-I", "-c", _BOOT, ground.to_json(), str(PROJECT_ROOT)]
        try:
            self._process = subprocess.Popen(
                plan.wrap(python),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**ZYGOTE_ENVIRONMENT, "HOME": inner_dir, "TMPDIR": inner_dir},
                cwd="/",
                pass_fds=(theirs.fileno(), caller_fd, *inherited),
            )
        except OSError as error:
            self._discard()
            raise SandboxUnavailable(f"sandbox did not start: {error}; {plan.remedy}") from error
        finally:
            theirs.close()
            os.close(caller_fd)
        self.features = self._await_ready(plan.remedy, start_within_s)

    def stopped(self) -> bool:
        """See `ZygoteHandle.stopped`."""
        return any(is_stopped(process) for process in self._trusted())

    def candidate_stopped(self) -> bool:
        """See `ZygoteHandle.candidate_stopped`."""
        return any(is_stopped(process) for process in {*offspring_of(self._process.pid)} - {*self._trusted()})

    def _trusted(self) -> list[int]:
        """The zygote, and the process between it and the caller, if there is one."""
        if not self._chain:
            own = self._process.pid
            self._chain = [own, *children_of(own)] if self._plan.dies_with_parent else [own]
        return self._chain

    def close(self) -> None:
        """See `ZygoteHandle.close`."""
        if not self.is_ours:
            self.control.close()
            return
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self.kill()
        self._discard()

    def kill(self) -> None:
        """See `ZygoteHandle.kill`."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)  # still adopting orphans, so nothing slips away meanwhile
            _kill_all(lambda: offspring_of(self._process.pid))
            self._process.kill()
        self._process.wait()
        user_id = self.features.get("user_id")
        if isinstance(user_id, int) and not self._plan.dies_with_parent:
            _kill_all(lambda: list(processes_of_user(user_id)))

    def _discard(self) -> None:
        self.control.close()
        self._log.close()
        cgroups.discard(self._cgroups)
        if self._work_dir is not None:
            _remove(self._work_dir)


def _kill_all(find: Callable[[], list[int]]) -> None:
    """Kill what `find` finds until it finds nothing new."""
    deadline = time.monotonic() + _END_S
    seen: set[int] = set()
    while time.monotonic() < deadline and (found := set(find())) - seen:
        seen |= found
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def _remove(directory: str) -> None:
    # The zygote of a process sandbox may still be emptying it when it was killed by force.
    deadline = time.monotonic() + 1.0
    while os.path.isdir(directory) and time.monotonic() < deadline:  # noqa: PTH112 - plain string
        with suppress(OSError):
            empty(directory)
            os.rmdir(directory)  # noqa: PTH106 - plain string
