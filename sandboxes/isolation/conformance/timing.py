"""Attacks on the clock: not ending, and not being endable."""

from sandboxes.isolation.conformance.scenario import attack

__all__ = ["SCENARIOS"]

SCENARIOS = (
    attack("loops forever", "while True: pass", "timeout"),
    attack(
        "sleeps through every signal",
        """
        import signal, time
        for s in set(signal.valid_signals()) - {9, 19}:
            try: signal.signal(s, signal.SIG_IGN)
            except OSError: pass
        time.sleep(1000)
        """,
        "timeout",
    ),
    attack("stops itself and its group", "import os\nos.killpg(0, 19)\nos.kill(os.getpid(), 19)", "timeout"),
    attack(
        "starts threads that never end",
        """
        import threading, time
        for _ in range(8): threading.Thread(target=time.sleep, args=(1000,)).start()
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "answers and leaves a child that ignores every request to end",
        """
        import os, signal, time
        ready, told = os.pipe()
        if os.fork() == 0:
            for s in (1, 2, 3, 13, 14, 15): signal.signal(s, signal.SIG_IGN)
            os.write(told, b'x')
            time.sleep(1000)
        os.read(ready, 1)
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "raises its own limits",
        """
        import os, resource
        answer = []
        for name in ('CPU', 'AS', 'FSIZE', 'NOFILE', 'CORE', 'MEMLOCK', 'MSGQUEUE', 'RTPRIO', 'NICE'):
            kind = getattr(resource, 'RLIMIT_' + name, {'RTPRIO': 14, 'NICE': 13}.get(name))
            for wanted in (-1, resource.getrlimit(kind)[1] + 1):
                try: resource.setrlimit(kind, (wanted, wanted)); answer.append(name)
                except (OSError, ValueError, OverflowError): pass
        """,
        answers={b"[]"},
    ),
    attack(
        "asks for real time and more than its share",
        """
        import os
        answer = []
        spare = lambda: os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')
        for name, ask in (('fifo', lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
                          ('nice', lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)), ('spared', spare)):
            try: ask(); answer.append(name)
            except OSError: pass
        """,
        answers={b"[]"},
    ),
)
