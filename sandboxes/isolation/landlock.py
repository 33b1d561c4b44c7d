"""Landlock: which files untrusted code may reach, where no mount namespace decides it.

An unprivileged, irrevocable allowlist of directory trees (Linux 5.13, `landlock(7)`). From ABI 6 on it also stops
signals and abstract Unix sockets to processes outside.
"""

import ctypes
import os
from collections.abc import Iterable

from sandboxes.isolation.syscalls import libc_syscall

__all__ = ["LANDLOCK_SIGNALS", "landlock_version", "restrict_files"]

LANDLOCK_SIGNALS = 6
"""The first ABI version that also confines signals and abstract sockets."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHARACTER_DEVICE, _MAKE_SOCKET, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 9, 1 << 11
_NEVER = _MAKE_CHARACTER_DEVICE | _MAKE_SOCKET | _MAKE_BLOCK_DEVICE
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ALL_V1 = (1 << 13) - 1
_REFER = 1 << 13
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_NET_TCP = 3
_SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """The kernel's Landlock ABI version; 0 where it is absent or switched off."""
    try:
        return libc_syscall(_CREATE_RULESET, 0, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Limit the calling process and all it will start to these paths; needs `no_new_privs` set.

    Args:
        readable: Files and trees that may be read and executed. Absent ones are skipped.
        writable: Files and trees with every right but to make devices and sockets and to control devices.

    Raises:
        OSError: If Landlock is absent or the kernel refuses.
    """
    version = landlock_version()
    newer = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
    handled = _ALL_V1 | sum(right for since, right in newer.items() if version >= since)
    attributes = _Ruleset(
        handled,
        _NET_TCP if version >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKET_AND_SIGNAL if version >= LANDLOCK_SIGNALS else 0,
    )
    size = 24 if version >= LANDLOCK_SIGNALS else 16 if version >= 4 else 8
    ruleset = libc_syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        for paths, rights in ((readable, _READ), (writable, handled & ~(_NEVER | _IOCTL_DEV))):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        libc_syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_directory = os.path.isdir(path)  # noqa: PTH112 - runs once per path and request
        rule = _Beneath(rights if is_directory else rights & _FILE_RIGHTS, descriptor)
        libc_syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
