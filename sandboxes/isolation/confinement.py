"""How a fork of the zygote gives up everything before untrusted code runs in it. Order matters and is the text."""

import os
import resource
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandboxes.isolation import syscalls
from sandboxes.isolation.cgroups import Cgroup
from sandboxes.isolation.identity import processes_of_user
from sandboxes.isolation.landlock import landlock_version, restrict_files
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.seccomp import SECCOMP_MACHINES, deny_system_calls

__all__ = ["Confinement", "confine", "enter_namespaces"]

_MIB = 1 << 20
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random")
_FILES_PER_MIB = 256
"""Files in a temporary file system; each costs memory of the kernel beyond its size."""
_PRIVATE_PLACES = ("/dev/shm",)
"""Writable beside the request's directory where it has its own."""
_OWN_FACTS = (
    *("auxv", "cgroup", "cmdline", "comm", "environ", "fd", "fdinfo", "io", "limits", "maps", "mem", "smaps"),
    *("smaps_rollup", "stat", "statm", "status"),
)
"""What a process may read about itself; not `net`, which is about the machine."""
_KERNEL_FACTS = ("/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm", *(f"/proc/self/{name}" for name in _OWN_FACTS))
_DRIVER_FACTS = "/proc/driver"
"""What drivers tell of devices; NVIDIA's: which GPUs there are. It is the same in all namespaces."""
_CPU_FACTS = ("/sys/devices/system/cpu",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How requests of one zygote are confined; decided once, when it starts."""

    user_id: int | None
    """Foreign user id, or `None` to keep the zygote's."""
    namespaces: bool
    """Whether each request lives in its own PID, mount and IPC namespace."""
    readable: tuple[str, ...]
    """Paths Landlock lets a request read."""
    cgroups: tuple[Cgroup, ...] = ()
    """Control groups a request joins."""


def enter_namespaces(user_id: int | None, directory: str, size_mib: int) -> None:
    """Give the calling process, PID 1 of a new PID namespace, its own mounts, IPC and temporary file systems.

    Raises:
        OSError: If the kernel does not permit it.
    """
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC)
    syscalls.mount("none", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    owner = "" if user_id is None else f",uid={user_id},gid={user_id}"
    for place in (directory, "/dev/shm"):
        syscalls.mount(
            "tmpfs", place, "tmpfs", flags, f"size={size_mib}m,nr_inodes={size_mib * _FILES_PER_MIB},mode=0700{owner}"
        )
    syscalls.mount("proc", "/proc", "proc", flags | syscalls.MS_NOEXEC | syscalls.MS_RDONLY)
    if Path(_DRIVER_FACTS).is_dir():
        syscalls.mount("tmpfs", _DRIVER_FACTS, "tmpfs", flags | syscalls.MS_RDONLY, "nr_inodes=1,mode=0555")


def confine(confinement: Confinement, directory: str, limits: Limits, output_fd: int, answer_fd: int) -> int:
    """Turn the calling process into a cage: own session, pipes, environment, limits, user, file and call rules.

    Args:
        confinement: What this zygote can do.
        directory: The request's own directory, which becomes home, temporary and current directory.
        limits: The request's budget.
        output_fd: Pipe that becomes stdout and stderr.
        answer_fd: Pipe for the answer.

    Returns:
        The descriptor `answer_fd` has been moved to; apart from 0, 1 and 2 it is the only one left open.
    """
    os.setsid()
    answer_fd = _keep_only(output_fd, answer_fd)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        _reset_signal(number)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as the interpreter has it: writing to a closed pipe raises
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o077)
    _set_environment(directory)
    _set_resource_limits(limits, confinement.user_id)
    _drop_privileges(confinement, directory)
    os.chdir(directory)  # its owner alone may enter it
    if os.uname().machine in SECCOMP_MACHINES:
        deny_system_calls()
    return answer_fd


def _keep_only(output_fd: int, answer_fd: int) -> int:
    null = os.open("/dev/null", os.O_RDONLY)
    high = [os.dup(fd) for fd in (null, output_fd, answer_fd)]  # none of the targets below is overwritten early
    for source, target in ((high[0], 0), (high[1], 1), (high[1], 2), (high[2], 3)):
        os.dup2(source, target)
    os.closerange(4, 1 << 20)
    return 3


def _reset_signal(number: int) -> None:
    try:
        signal.signal(number, signal.SIG_DFL)
    except (OSError, ValueError):
        return  # reserved by the C library


def _set_environment(directory: str) -> None:
    os.environ.update(
        HOME=directory,
        TMPDIR=directory,
        XDG_CACHE_HOME=f"{directory}/.cache",
        TRITON_CACHE_DIR=f"{directory}/.triton",
        TORCHINDUCTOR_CACHE_DIR=f"{directory}/.inductor",
    )
    tempfile.tempdir = None


def _set_resource_limits(limits: Limits, user_id: int | None) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    # The kernel counts per user id; what the user runs beside the request is not the request's.
    others = sum(processes_of_user(os.getuid()).values()) if user_id is None else 0
    cpu_s = max(1, round(limits.cpu_time_s + 0.5))
    wanted = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + limits.memory_mib * _MIB,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NPROC: limits.processes + others,
        resource.RLIMIT_FSIZE: limits.file_size_mib * _MIB,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 1,  # 0 would not stop a `core_pattern` that is a pipe
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # A soft CPU limit below the hard one lets the kernel send SIGXCPU, which says what happened.
        resource.setrlimit(kind, (ceiling, ceiling + (kind == resource.RLIMIT_CPU)))


def _drop_privileges(confinement: Confinement, directory: str) -> None:
    landlocked = landlock_version() > 0
    # An interpreter under a private home (`~/.pyenv`) stays readable for another user, but only where Landlock
    # decides which files that concerns.
    search = 1 << syscalls.CAP_DAC_READ_SEARCH
    alone = landlocked and not confinement.namespaces and confinement.user_id is not None
    kept = search & syscalls.capability_set() if alone else 0
    syscalls.drop_bounding_set(kept)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    if landlocked:
        facts = ("/proc",) if confinement.namespaces else _KERNEL_FACTS
        private = _PRIVATE_PLACES if confinement.namespaces else ()
        restrict_files((*confinement.readable, *facts, *_CPU_FACTS), (directory, *private, *_DEVICES))
    if confinement.user_id is not None:
        syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(*[confinement.user_id] * 3)
        os.setresuid(*[confinement.user_id] * 3)
    syscalls.set_capabilities(kept)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # its own /proc/self must work for it
