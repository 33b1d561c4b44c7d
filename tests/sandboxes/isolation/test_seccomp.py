"""The filter's program does what its table says, on both machines: it is run here by an interpreter of its own."""

import errno
import struct

import pytest

from sandboxes.isolation.seccomp import _filter
from sandboxes.isolation.system_calls import ABSENT, DENIED, LAST_KNOWN_CALL, number_of

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003
ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, UNKNOWN = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter returns for one call: classic BPF, the six instructions it uses."""
    data = struct.pack(
        "=iIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *arguments, *[0] * (6 - len(arguments))
    )
    program = list(struct.iter_unpack("HBBI", _filter(machine)))
    at, value = 0, 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, constant)
            case 0x54:
                value &= constant
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[code]
                at += if_true if holds else if_false
            case 0x06:
                return constant
            case _:
                raise AssertionError(f"instruction {code:#x}")


def named(call: str, machine: str) -> int:
    number = number_of(call, machine)
    assert number is not None
    return number


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_listed_call_is_refused(machine: str) -> None:
    for group in DENIED.values():
        for call in group:
            if (number := number_of(call, machine)) is not None:
                assert verdict(machine, number) == DENY, call
    for call in ABSENT:
        assert verdict(machine, named(call, machine)) == UNKNOWN, call


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_no_two_calls_have_one_number(machine: str) -> None:
    numbers = [number_of(call, machine) for group in (*DENIED.values(), ABSENT) for call in group]
    known = [number for number in numbers if number is not None]
    assert len(set(known)) == len(known)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_of_other_instruction_sets_and_of_newer_kernels_do_not_exist(machine: str) -> None:
    other = next(value for name, value in ARCHITECTURES.items() if name != machine)
    assert verdict(machine, 0, architecture=I386) == KILL
    assert verdict(machine, 0, architecture=other) == KILL
    for number in (LAST_KNOWN_CALL + 1, 1000, 1 << 30, (1 << 30) + 39, 400):
        assert verdict(machine, number) == UNKNOWN


def test_what_honest_programs_call_is_permitted() -> None:
    ordinary = {
        "read": 0,
        "write": 1,
        "mmap": 9,
        "rt_sigaction": 13,
        "fork": 57,
        "execve": 59,
        "wait4": 61,
        "futex": 202,
    }
    for call, number in ordinary.items():
        assert verdict("x86_64", number) == ALLOW, call


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("clone", (0x11,), ALLOW),
        ("clone", (0x3D0F00,), ALLOW),  # a thread
        ("clone", (0x10000011,), DENY),  # a user namespace
        ("clone", (0x80,), DENY),  # a time namespace
        ("clone", (0x8011,), DENY),  # a sibling
        ("socketpair", (1, 1), ALLOW),
        ("socketpair", (1, 1 | 0x80000), ALLOW),
        ("socketpair", (1, 2), DENY),  # datagrams go to any name
        ("socketpair", (30, 1), DENY),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), DENY),
        ("ioctl", (0, 0x1_0000_5412), DENY),  # the kernel looks at 32 bits, and so does the filter
        ("prctl", (15,), ALLOW),
        ("prctl", (22, 2), DENY),
        ("prlimit64", (4711, 4, 0, 1), ALLOW),  # it asks
        ("prlimit64", (0, 7, 0x7FFF_0000_0000), ALLOW),
        ("prlimit64", (0, 4, 0x7FFF_0000_0000), DENY),  # core dumps
        ("prlimit64", (4711, 7, 0x7FFF_0000_0000), DENY),
        ("prlimit64", (4711, 7, 8), DENY),
        ("setrlimit", (7,), ALLOW),
        ("setrlimit", (4,), DENY),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0,), ALLOW),
        ("personality", (0x40000,), DENY),
        ("setpriority", (0, 0, 5), ALLOW),
        ("setpriority", (0, 4711, 5), DENY),
        ("setpriority", (2, 0, 5), DENY),
        ("ioprio_set", (1, 4711), DENY),
        ("sched_setaffinity", (0,), ALLOW),
        ("sched_setaffinity", (4711,), DENY),
    ],
)
def test_calls_are_judged_by_their_arguments(
    machine: str, call: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert verdict(machine, named(call, machine), *arguments) == expected
