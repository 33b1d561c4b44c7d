"""A seccomp filter for untrusted code: no network, no tracing of others, no new namespaces, no mounts.

It needs no privilege and works in every backend. It refuses what a kernel written in Triton never needs (see
`system_calls`), every call of another instruction set (ia32, x32), and every call newer than its list. It is one line
of several, beside namespaces, Landlock and the foreign user id.
"""

import ctypes
import errno
import os
import struct

from sandboxes.isolation.syscalls import PR_SET_SECCOMP, prctl
from sandboxes.isolation.system_calls import (
    ABSENT,
    DENIED,
    FIRST_COMMON_CALL,
    LAST_KNOWN_CALL,
    LAST_OWN_CALL,
    number_of,
)

__all__ = ["SECCOMP_MACHINES", "deny_system_calls"]

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP_MACHINES = frozenset(_AUDIT_ARCH)

_CLONE_NEW_MASK = 0x7E020080
_CLONE_PARENT = 0x00008000
_AF_UNIX = 1
_SOCK_STREAM = 1
"""The one kind that sends to its other end alone; a datagram socket of a pair could send to any name."""
_SOCKET_TYPE_MASK = 0xF
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing on behalf of whoever sits at the terminal."""
_RLIMIT_CORE = 4
_QUERY_PERSONALITY = 0xFFFFFFFF

_LOAD = 0x20
_AND = 0x54
_JUMP_EQUAL = 0x15
_JUMP_AT_LEAST = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_MODE_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


_PERMIT = _instruction(_RETURN, _ALLOW)
_DENY = _instruction(_RETURN, _ERRNO | errno.EPERM)
_UNKNOWN = _instruction(_RETURN, _ERRNO | errno.ENOSYS)


def _argument(index: int, *, high: bool = False) -> bytes:
    return _instruction(_LOAD, 16 + 8 * index + 4 * high)


def _deny_if(code: int, value: int) -> list[bytes]:
    return [_instruction(code, value, 0, 1), _DENY]


def _deny_unless(value: int) -> list[bytes]:
    return [_instruction(_JUMP_EQUAL, value, 1, 0), _DENY]


def _rules() -> dict[str, list[bytes]]:
    """What decides about a call by its arguments; whatever gets to the end of its rule is permitted."""
    only_itself = [_argument(0), *_deny_unless(0)]
    rules = {
        "clone": [_argument(0), *_deny_if(_JUMP_ANY_BIT, _CLONE_NEW_MASK | _CLONE_PARENT)],
        "socketpair": [
            *(_argument(0), *_deny_unless(_AF_UNIX)),
            *(_argument(1), _instruction(_AND, _SOCKET_TYPE_MASK), *_deny_unless(_SOCK_STREAM)),
        ],
        "ioctl": [_argument(1), *(part for code in _TERMINAL_INPUT for part in _deny_if(_JUMP_EQUAL, code))],
        "prctl": [_argument(0), *_deny_if(_JUMP_EQUAL, PR_SET_SECCOMP)],
        # With a core limit of 0 a kernel whose `core_pattern` is a pipe still starts the program behind it.
        "setrlimit": [_argument(0), *_deny_if(_JUMP_EQUAL, _RLIMIT_CORE)],
        "prlimit64": [
            *(_argument(2), _instruction(_JUMP_EQUAL, 0, 0, 3), _argument(2, high=True)),
            *(_instruction(_JUMP_EQUAL, 0, 0, 1), _PERMIT),  # it only asks
            *(_argument(0), *_deny_unless(0), _argument(1), *_deny_if(_JUMP_EQUAL, _RLIMIT_CORE)),
        ],
        "personality": [
            *(_argument(0), _instruction(_JUMP_EQUAL, _QUERY_PERSONALITY, 2, 0)),
            *_deny_unless(0),
        ],
        "setpriority": [_argument(0), *_deny_unless(0), _argument(1), *_deny_unless(0)],
        "ioprio_set": [_argument(1), *_deny_unless(0)],
    }
    scheduling = ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
    return rules | dict.fromkeys(scheduling, only_itself)


def _filter(machine: str) -> bytes:
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_AT_LEAST, LAST_KNOWN_CALL + 1, 0, 1),  # x32's among them
        _UNKNOWN,
        _instruction(_JUMP_AT_LEAST, FIRST_COMMON_CALL, 2, 0),
        _instruction(_JUMP_AT_LEAST, LAST_OWN_CALL[machine] + 1, 0, 1),
        _UNKNOWN,
    ]
    verdicts = [*((call, _DENY) for group in DENIED.values() for call in group), *((call, _UNKNOWN) for call in ABSENT)]
    for call, verdict in verdicts:
        if (number := number_of(call, machine)) is not None:
            program += [_instruction(_JUMP_EQUAL, number, 0, 1), verdict]
    for call, rule in _rules().items():
        number = number_of(call, machine)
        assert number is not None
        program += [_instruction(_JUMP_EQUAL, number, 0, len(rule) + 1), *rule, _PERMIT]
    return b"".join([*program, _PERMIT])


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
