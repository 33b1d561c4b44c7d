"""Attacks on other processes, and ways not to be found among one's own."""

from sandboxes.isolation.conformance.prelude import FOREIGN_PROCESSES, NOTHING, SYSTEM_CALLS
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_FILTER = {Protection.SYSTEM_CALLS}

_OTHERS = (
    attack(
        "may signal every process there is",
        """
        import os
        answer = []
        for p in range(1, 3000):
            if p != os.getpid():
                try: os.kill(p, 0); answer.append(p)
                except OSError: pass
        """,
        answers=NOTHING,
        needs={Protection.SIGNALS},
    ),
    attack(
        "kills what it may signal, where that is its own",
        """
        import os
        if os.getppid() == 1:
            for target in (-1, 1):
                for number in (19, 15, 9):
                    try: os.kill(target, number)
                    except OSError: pass
        answer = 1
        """,
        "completed",
        "killed",
        answers={b"1"},
    ),
    attack(
        "signals by descriptor whoever started it",
        (
            SYSTEM_CALLS,
            FOREIGN_PROCESSES,
            """
            import signal
            answer = []
            for p in foreign():
                try: fd = os.pidfd_open(p)
                except OSError: continue
                try: signal.pidfd_send_signal(fd, 0); answer.append(p)
                except OSError: pass
            """,
        ),
        answers=NOTHING,
        needs={Protection.SIGNALS},
    ),
    attack(
        "writes its parents' memory",
        (
            SYSTEM_CALLS,
            FOREIGN_PROCESSES,
            """
            answer = []
            for p in foreign():
                if libc.ptrace(16, p, 0, 0) == 0: answer.append(('ptrace', p)); libc.ptrace(17, p, 0, 0)
                for name in ('mem', 'environ', 'fd/3', 'root/etc/passwd', 'cwd/x', 'maps', 'oom_score_adj'):
                    try:
                        with open(f'/proc/{p}/{name}', 'r+b'): answer.append((name, p))
                    except OSError: pass
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "traces a child",
        (
            SYSTEM_CALLS,
            """
            child = os.fork()
            if child == 0: os._exit(0 if reached(101, 117, 0, 0, 0, 0) else 7)
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            """,
        ),
        answers={b"7"},
        needs=_FILTER,
    ),
    attack(
        "copies memory between processes",
        (
            SYSTEM_CALLS,
            """
            vector = (ctypes.c_void_p * 2)()
            answer = reached_any(process_vm_readv=(310, 270, os.getpid(), vector, 1, vector, 1, 0),
                process_vm_writev=(311, 271, os.getpid(), vector, 1, vector, 1, 0),
                kcmp=(312, 272, os.getpid(), 1, 0, 0, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "takes descriptors out of other processes",
        (
            SYSTEM_CALLS,
            """
            fd = os.pidfd_open(os.getpid())
            answer = reached_any(pidfd_getfd=(438, 438, fd, 1, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "advises other processes on their memory",
        (
            SYSTEM_CALLS,
            """
            fd = os.pidfd_open(os.getpid())
            answer = reached_any(process_madvise=(440, 440, fd, 0, 0, 21, 0), process_mrelease=(448, 448, fd, 0),
                move_pages=(279, 239, 0, 0, 0, 0, 0, 0), migrate_pages=(256, 238, 0, 0, 0, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "changes the limits of other processes",
        (
            SYSTEM_CALLS,
            FOREIGN_PROCESSES,
            """
            import resource
            answer = []
            for p in foreign():
                for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS):
                    try: resource.prlimit(p, kind, resource.prlimit(p, kind)); answer.append((p, kind))
                    except (OSError, ValueError): pass
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "slows other processes down",
        (
            SYSTEM_CALLS,
            FOREIGN_PROCESSES,
            """
            answer, share = [], os.sched_param(0)
            for p in foreign():
                for name, ask in (('nice', lambda: os.setpriority(0, p, os.getpriority(0, p))),
                                  ('affinity', lambda: os.sched_setaffinity(p, os.sched_getaffinity(p))),
                                  ('policy', lambda: os.sched_setscheduler(p, os.sched_getscheduler(p), share))):
                    try: ask(); answer.append((name, p))
                    except OSError: pass
                if call(251, 30, 1, p, call(252, 31, 1, p)) == 0: answer.append(('io', p))
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "sees no process but its own",
        """
        import os
        try: answer = len([n for n in os.listdir('/proc') if n.isdigit()]) <= 2
        except OSError: answer = True
        """,
        answers={b"True"},
        needs={Protection.HIDDEN_PROCESSES},
    ),
)

_OWN = (
    attack(
        "leaves a daemon that holds every pipe",
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0: time.sleep(1000)
            os._exit(0)
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "leaves stopped children and zombies",
        """
        import os, signal
        for n in range(8):
            child = os.fork()
            if child == 0: os._exit(0) if n % 2 else os.kill(os.getpid(), signal.SIGSTOP)
        os.waitpid(child, os.WNOHANG)
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "adopts the orphans of its children",
        (
            SYSTEM_CALLS,
            """
            import time
            libc.prctl(36, 1, 0, 0, 0)
            libc.prctl(1, 0, 0, 0, 0)
            for n in range(4):
                if os.fork() == 0:
                    libc.prctl(1, 0, 0, 0, 0)
                    os.setsid()
                    if os.fork() == 0: time.sleep(1000)
                    os._exit(0)
            answer = 1
            """,
        ),
        answers={b"1"},
    ),
    attack(
        "bears siblings instead of children",
        (
            SYSTEM_CALLS,
            """
            import time
            child = call(56, 220, 0x8000 | 17, 0, 0, 0, 0)
            if child == 0: time.sleep(1000)
            answer = child > 0
            """,
        ),
        answers={b"False"},
        needs=_FILTER,
    ),
    attack(
        "lives on under other names and programs",
        """
        import os, sys
        for name in ('[kthreadd]', 'systemd', 'python'):
            if os.fork() == 0:
                os.setsid()
                os.execv(sys.executable, [name, '-I', '-S', '-c', 'import time; time.sleep(1000)'])
        answer = 1
        """,
        answers={b"1"},
    ),
)

SCENARIOS = (*_OTHERS, *_OWN)
