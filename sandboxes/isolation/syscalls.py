"""The Linux calls the standard library of Python 3.11 does not offer, as functions that raise `OSError`."""

import ctypes
import os
from pathlib import Path

__all__ = [
    "CLONE_NEWIPC",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "capability_set",
    "drop_bounding_set",
    "libc_syscall",
    "mount",
    "prctl",
    "set_capabilities",
    "setns",
    "unshare",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REC = 16384
MS_PRIVATE = 1 << 18

CAP_SETGID = 6
CAP_SETUID = 7
CAP_KILL = 5
CAP_DAC_READ_SEARCH = 2
CAP_SYS_ADMIN = 21

_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def libc_syscall(number: int, *arguments: object) -> int:
    """Raw system call; integers are passed as 64 bits, ctypes values as they are."""
    widened = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *widened), f"syscall {number}")


def prctl(option: int, value: int = 0, extra: object = 0) -> int:
    """`prctl(2)` with up to two arguments."""
    third = ctypes.c_ulong(extra) if isinstance(extra, int) else extra
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(value), third, zero, zero), f"prctl {option}")


def unshare(flags: int) -> None:
    """`unshare(2)`: leave the namespaces named by `flags` for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def setns(namespace_fd: int, kind: int) -> None:
    """`setns(2)`: join the namespace behind a descriptor."""
    _checked(_libc.setns(namespace_fd, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """`mount(2)`."""
    done = _libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode() or None)
    _checked(done, f"mount {kind} on {target}")


def capability_set(line: str = "CapEff") -> int:
    """The calling process's capabilities as a bit mask, from `/proc/self/status`; 0 if it cannot be read."""
    try:
        with Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
            for row in status:
                if row.startswith(line + ":"):
                    return int(row.split()[1], 16)
    except OSError:
        return 0
    return 0


def set_capabilities(mask: int) -> None:
    """Reduce the permitted, effective, inheritable and ambient capabilities to `mask`."""
    machine = os.uname().machine
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
    libc_syscall(_SYS_CAPSET[machine], ctypes.byref(header), ctypes.byref(data))
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in _members(mask):
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def drop_bounding_set(kept: int) -> None:
    """Make it impossible to regain capabilities beyond `kept` by `execve`; needs `CAP_SETPCAP`, else does nothing."""
    for capability in _members(((1 << 64) - 1) & ~kept):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            return


def _members(mask: int) -> list[int]:
    return [capability for capability in range(64) if mask >> capability & 1]
