"""Attacks through interfaces of the kernel that no kernel written in Triton needs."""

from sandboxes.isolation.conformance.prelude import NOTHING, SYSTEM_CALLS
from sandboxes.isolation.conformance.scenario import Scenario, attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_FILTER = {Protection.SYSTEM_CALLS}


def _calls(name: str, **calls: tuple[object, ...]) -> Scenario:
    """An attempt at system calls, each `(number on x86_64, on aarch64, arguments...)`; they do no harm if permitted."""
    asked = ", ".join(f"{call}={arguments!r}" for call, arguments in calls.items())
    return attack(name, f"{SYSTEM_CALLS}answer = reached_any({asked})", answers=NOTHING, needs=_FILTER)


_BAD = -1
"""An address nobody has: a call that is let through complains about it, and about nothing else."""

SCENARIOS = (
    _calls(
        "drives the kernel through io_uring",
        io_uring_setup=(425, 425, 1, _BAD),
        io_uring_enter=(426, 426, _BAD, 0, 0, 0, 0, 0),
        io_uring_register=(427, 427, _BAD, 0, 0, 0),
    ),
    _calls("loads programs into the kernel", bpf=(321, 280, 0, _BAD, 8)),
    _calls("counts other people's events", perf_event_open=(298, 241, _BAD, 0, -1, -1, 0)),
    _calls("handles its own page faults", userfaultfd=(323, 282, 1)),
    _calls("submits asynchronous input and output", io_setup=(206, 0, 1, _BAD), vmsplice=(278, 75, _BAD, 0, 0, 0)),
    _calls(
        "keeps secrets in keyrings",
        add_key=(248, 217, b"user", b"kernelgym", b"x", 1, -2),
        request_key=(249, 218, b"user", b"kernelgym", 0, -2),
        keyctl=(250, 219, 1, 0, 0, 0, 0),
    ),
    _calls(
        "loads modules and other kernels",
        init_module=(175, 105, _BAD, 0, b""),
        finit_module=(313, 273, _BAD, b"", 0),
        delete_module=(176, 106, _BAD, 0),
        kexec_load=(246, 104, 0, 1 << 20, 0, 1 << 20),
        kexec_file_load=(320, 294, _BAD, _BAD, 0, _BAD, 1 << 20),
    ),
    _calls(
        "turns the machine off",
        reboot=(169, 142, 0, 0, 0, 0),
        swapon=(167, 224, _BAD, 0),
        swapoff=(168, 225, _BAD),
        acct=(163, 89, _BAD),
        syslog=(103, 116, 3, _BAD, 0),
    ),
    _calls(
        "sets the clock",
        settimeofday=(164, 170, _BAD, 0),
        clock_settime=(227, 112, 0, _BAD),
        adjtimex=(159, 171, _BAD),
        clock_adjtime=(305, 266, 0, _BAD),
    ),
    _calls("renames the machine", sethostname=(170, 161, _BAD, -1), setdomainname=(171, 162, _BAD, -1)),
    _calls(
        "watches and rations files of the whole machine",
        fanotify_init=(300, 262, _BAD, 0),
        fanotify_mark=(301, 263, _BAD, 0, 0, 0, 0),
        quotactl=(179, 60, 0, 0, 0, 0),
        quotactl_fd=(443, 443, _BAD, 0, 0, 0),
    ),
    _calls(
        "keeps memory from everybody's sight",
        memfd_secret=(447, 447, _BAD),
        memfd_create=(319, 279, _BAD, 0),
    ),
    _calls(
        "sends messages that outlive it",
        mq_open=(240, 180, b"kernelgym", 0o102, 0o600, 0),
        msgget=(68, 186, 9, 0o1600),
        semctl=(66, 191, 0, 0, 3, 0),
        shmctl=(31, 195, 0, 14, _BAD),
    ),
    _calls("asks for another personality", personality=(135, 92, 0x0040000)),
    _calls(
        "installs filters and listeners of its own", seccomp=(317, 277, 1, 8, _BAD), prctl=(157, 167, 22, 2, _BAD, 0, 0)
    ),
    _calls("calls what is newer than the filter", setxattrat=(463, 463, _BAD), future=(999, 999), gap=(400, 400)),
    attack(
        "calls with the numbers of x32",
        (
            SYSTEM_CALLS,
            """
            answer = os.uname().machine == 'x86_64' and reached((1 << 30) + 39, 0)
            """,
        ),
        answers={b"False"},
    ),
    attack(
        "calls as a 32-bit program does",
        """
        import ctypes, mmap, os, sys
        if os.uname().machine != 'x86_64': sys.exit(7)
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(bytes.fromhex('b814000000cd80c3'))
        answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
        """,
        "killed",
        "exited",
        signals={31, 11},
        needs=_FILTER,
    ),
    attack(
        "catches the signal of a forbidden call",
        (
            SYSTEM_CALLS,
            """
            import signal
            caught = []
            signal.signal(signal.SIGSYS, lambda *_: caught.append(1))
            answer = [*caught, *reached_any(bpf=(321, 280, 0, 0, 0), socket=(41, 198, 2, 1, 0))]
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "dumps core",
        """
        import os, resource
        for limits in ((-1, -1), (0, 1), (1, 1), (0, 0)):
            try: resource.setrlimit(resource.RLIMIT_CORE, limits)
            except (OSError, ValueError): pass
        child = os.fork()
        if child == 0: os.abort()
        _, status = os.waitpid(child, 0)
        answer = os.WTERMSIG(status), os.WCOREDUMP(status), os.listdir('.'), resource.getrlimit(resource.RLIMIT_CORE)
        """,
        answers={b"(6, False, [], (1, 1))"},
        needs=_FILTER,
    ),
)
