"""A seccomp filter for untrusted code: no network, no tracing of others, no new namespaces, no mounts.

It needs no privilege and works in every backend. It denies what a kernel written in Triton never needs; it is a
second line behind namespaces and Landlock, not an allowlist.
"""

import ctypes
import errno
import os
import struct

from sandboxes.isolation.syscalls import PR_SET_SECCOMP, prctl

__all__ = ["SECCOMP_MACHINES", "deny_system_calls"]

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP_MACHINES = frozenset(_AUDIT_ARCH)

# System call numbers as (x86_64, aarch64); calls from 424 on have one number everywhere.
_DENIED: dict[str, tuple[int, int]] = {
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_CLONE_NEW_MASK = 0x7E020000
_X32_BIT = 0x40000000

_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_AT_LEAST = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_MODE_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _filter(machine: str) -> bytes:
    column = 0 if machine == "x86_64" else 1
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    absent = _instruction(_RETURN, _ERRNO | errno.ENOSYS)
    program = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, 0),
        _instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1),
        absent,
        # clone3 hides its flags behind a pointer; glibc falls back to clone when it does not exist.
        _instruction(_JUMP_EQUAL, _CLONE3[column], 0, 1),
        absent,
    ]
    for numbers in _DENIED.values():
        program += [_instruction(_JUMP_EQUAL, numbers[column], 0, 1), deny]
    program += [
        _instruction(_JUMP_EQUAL, _CLONE[column], 0, 3),
        _instruction(_LOAD, 16),
        _instruction(_JUMP_ANY_BIT, _CLONE_NEW_MASK, 0, 1),
        deny,
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def deny_system_calls() -> None:
    """Install the filter on the calling process and all it will start; needs `no_new_privs` set.

    Raises:
        OSError: If the kernel refuses, or the machine is neither x86_64 nor aarch64.
    """
    machine = os.uname().machine
    if machine not in SECCOMP_MACHINES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}")
    code = _filter(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))
