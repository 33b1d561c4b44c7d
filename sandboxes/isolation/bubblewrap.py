"""The strong sandbox: the zygote lives in bubblewrap's namespaces, every request in further ones of its own.

Inside there is no network, no file of the host but the interpreter's and the system's libraries (read-only), no
process but the request's; its temporary files have a quota. Landlock, seccomp, resource limits and, where one is
writable, control groups stand behind that. As root the request also runs under a user id nobody has; without root it
runs in a user namespace, with no capability and, by seccomp, no way to a new one.

Not covered: without control groups, memory of pipes, sockets and page tables is not counted. Where namespaces can't be
nested, requests share the zygote's: then Landlock hides processes and files, and temporary files are limited to 512 MiB
together, whatever `Limits` say.
"""

import os
import shutil
from pathlib import Path

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import syscalls
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.footprint import PROJECT_ROOT, hidden_paths, interpreter_paths, system_paths
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.zygote_process import ZYGOTE_ENVIRONMENT, Plan

__all__ = ["INSTALL_BUBBLEWRAP", "BubblewrapSandbox", "bubblewrap_command"]

INSTALL_BUBBLEWRAP = "apt-get install bubblewrap"
_TEMPORARY_BYTES = 512 * 1024 * 1024
_PRIVATE = "/sandbox"


class BubblewrapSandbox(ForkingSandbox):
    """A `Sandbox` in bubblewrap's namespaces.

    Args:
        entry: What runs inside.
        recycle_after: Requests after which the zygote is replaced.
        namespaces: Whether each request gets its own namespaces where the kernel permits it. Off, requests
            share the zygote's and are told apart by the sweep, as in containers that forbid nesting.

    Raises:
        SandboxUnavailable: If the `bwrap` program is not installed.
    """

    name = "bubblewrap"

    def __init__(self, entry: Entry, *, recycle_after: int = 500, namespaces: bool = True) -> None:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable(f"bubblewrap sandbox: no 'bwrap' program on PATH; {INSTALL_BUBBLEWRAP}")
        plan = Plan(
            wrap=lambda python: [*bubblewrap_command(program), *python],
            inner_dir=_PRIVATE,
            dies_with_parent=True,
            namespaces=namespaces,
            remedy="see `kernelgym doctor`: bubblewrap needs user namespaces, or root with CAP_SYS_ADMIN",
        )
        super().__init__(entry, plan.start, recycle_after=recycle_after)


def bubblewrap_command(program: str) -> list[str]:
    """The `bwrap` command line up to the program it runs.

    There is no `--die-with-parent`: it follows the *thread* that starts the sandbox. The zygote watches a pidfd of
    the caller and the end of its channel instead, and asks to die with bubblewrap's outer process.
    """
    # A user namespace maps a single id; with real privileges requests get an id of their own instead.
    has_privileges = os.geteuid() == 0 and bool(syscalls.capability_set() >> syscalls.CAP_SYS_ADMIN & 1)
    command = [program]
    if has_privileges:
        command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    else:
        # Without the ids bubblewrap adds a second user namespace, from which the first cannot be joined again.
        command += ["--unshare-all", "--uid", "0", "--gid", "0"]
    command += ["--as-pid-1", "--new-session", "--hostname", "sandbox", "--clearenv"]
    for name, value in {**ZYGOTE_ENVIRONMENT, "HOME": _PRIVATE, "TMPDIR": _PRIVATE}.items():
        command += ["--setenv", name, value]
    command += ["--cap-drop", "ALL"]
    for capability in ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL", "CHOWN", "FOWNER", "DAC_OVERRIDE"):
        command += ["--cap-add", f"CAP_{capability}"]
    return command + _mounts()


def _mounts() -> list[str]:
    package = str(PROJECT_ROOT / "sandboxes")
    is_checkout = (PROJECT_ROOT / "pyproject.toml").exists()
    mounts = ["--size", str(_TEMPORARY_BYTES), "--perms", "0711", "--tmpfs", _PRIVATE]
    mounts += _binds(system_paths())
    if is_checkout and hidden_paths():
        mounts += ["--tmpfs", str(PROJECT_ROOT)]
    mounts += _binds([*interpreter_paths(), package])
    if not is_checkout:
        for path in hidden_paths():
            mounts += ["--tmpfs", path]
    if not any(Path(path).is_relative_to("/tmp") for path in (*interpreter_paths(), package)):
        mounts += ["--symlink", _PRIVATE, "/tmp"]  # for code that knows no TMPDIR
    mounts += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--dir", "/dev/shm"]
    return [*mounts, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def _binds(paths: list[str]) -> list[str]:
    binds: list[str] = []
    for path in paths:
        # bubblewrap makes missing parents for root alone, and requests may run as somebody else.
        for parent in reversed(Path(path).parents[:-1]):
            binds += ["--perms", "0755", "--dir", str(parent)]
        binds += ["--ro-bind", path, path]
    return binds
