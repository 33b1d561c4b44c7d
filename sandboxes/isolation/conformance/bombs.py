"""Bombs: programs that take processes, memory, disk or descriptors until something gives."""

from sandboxes.isolation.conformance.prelude import SYSTEM_CALLS
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_PROCESSES = (
    attack(
        "tries two thousand forks",
        """
        import os, time
        born = 0
        for _ in range(2000):
            try: child = os.fork()
            except OSError: break
            if child == 0: time.sleep(1000)
            born += 1
        answer = born < 100
        """,
        "completed",
        "killed",
        answers={b"True"},
    ),
    attack(
        "forks exponentially",
        """
        import os
        while True:
            try: os.fork()
            except OSError: pass
        """,
        "timeout",
        "killed",
    ),
    attack(
        "leaves a daemon that forks for ever",
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            while True:
                try:
                    if os.fork(): os._exit(0)
                except OSError: pass
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "starts a thousand threads",
        """
        import _thread, threading, time
        threading.stack_size(64 << 10)
        born = 0
        try:
            for _ in range(1000): _thread.start_new_thread(time.sleep, (1000,)); born += 1
        except RuntimeError: pass
        answer = born < 100
        """,
        "completed",
        "killed",
        answers={b"True"},
        needs={Protection.COUNTED},
    ),
)

_MEMORY = (
    attack("allocates 64 GiB", "answer = len(bytearray(64 << 30))", "memory"),
    attack("allocates in steps", "kept = []\nwhile True: kept.append(bytearray(1 << 20))", "memory"),
    attack(
        "shares its appetite among many processes",
        """
        import os, time
        for n in range(16):
            if os.fork() == 0:
                kept = b'x' * (40 << 20)
                time.sleep(1000)
        time.sleep(1000)
        """,
        "memory",
    ),
    attack(
        "shares its appetite among shared mappings",
        """
        import mmap, os, time
        for n in range(16):
            if os.fork() == 0:
                kept = mmap.mmap(-1, 40 << 20)
                for _ in range(40): kept.write(bytes(1 << 20))
                time.sleep(1000)
        time.sleep(1000)
        """,
        "memory",
    ),
    attack(
        "keeps memory in files without a name",
        """
        import os
        kept = 0
        try:
            for n in range(40):
                fd = os.memfd_create(f'{n}')
                for _ in range(8): kept += os.write(fd, bytes(1 << 20))
        except OSError: pass
        answer = kept >> 20
        """,
        answers={b"0"},
    ),
    attack(
        "keeps memory in System V segments",
        (
            SYSTEM_CALLS,
            """
            answer = reached_any(shmget=(29, 194, 7, 1 << 34, 0o1777), semget=(64, 190, 7, 1, 0o1777),
                                 msgget=(68, 186, 7, 0o1777), shmat=(30, 196, 0, 0, 0))
            """,
        ),
        answers={b"[]"},
    ),
    attack(
        "locks memory",
        (
            SYSTEM_CALLS,
            """
            block = ctypes.create_string_buffer(1 << 20)
            asked = {'mlock': (block, 1 << 20), 'mlockall': (3,)}
            answer = [name for name, arguments in asked.items() if getattr(libc, name)(*arguments) == 0]
            """,
        ),
        answers={b"[]"},
    ),
    attack(
        "answers with an object that describes itself without end",
        """
        class Answer:
            def __repr__(self): return 'x' * (1 << 40)
        answer = Answer()
        """,
        "memory",
    ),
)

_FILES = (
    attack(
        "opens ten thousand files",
        """
        kept = []
        try:
            for _ in range(10000): kept.append(open('/dev/null'))
        except OSError as e: answer = e.errno, len(kept) < 64
        """,
        answers={b"(24, True)"},
    ),
    attack(
        "fills its temporary directory",
        """
        import os
        total = 0
        try:
            for n in range(100):
                with open(f'{n}', 'wb') as f: total += f.write(bytes(4 << 20))
        except OSError as e: pass
        answer = total < 64 << 20
        """,
        answers={b"True"},
        needs={Protection.QUOTA},
    ),
    attack(
        "fills shared memory",
        """
        import os
        total, paths = 0, [f'/dev/shm/kernelgym-{n}' for n in range(20)]
        try:
            for path in paths:
                with open(path, 'xb') as f: total += f.write(bytes(4 << 20))
        except OSError as e: pass
        for path in paths:
            if os.path.exists(path): os.unlink(path)
        answer = total < 64 << 20
        """,
        answers={b"True"},
    ),
    attack(
        "writes one endless file",
        """
        try:
            with open('big', 'wb') as f:
                for _ in range(100): f.write(bytes(1 << 20))
        except OSError as e: answer = e.errno
        """,
        answers={b"27"},
    ),
    attack(
        "makes files until there are no more",
        """
        import os
        made = 0
        try:
            for n in range(10000): os.mknod(f'{n}'); made += 1
        except OSError: pass
        answer = made < 10000
        """,
        answers={b"True"},
        needs={Protection.QUOTA},
    ),
    attack(
        "nests directories deeper than a path is long",
        """
        import os
        for n in range(40):
            os.mkdir('d' * 200)
            os.chdir('d' * 200)
        open('at-the-bottom', 'w').close()
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "fills pipes",
        """
        import fcntl, os
        kept = 0
        try:
            while True:
                _, end = os.pipe()
                os.set_blocking(end, False)
                try: fcntl.fcntl(end, 1031, 1 << 20)
                except OSError: pass
                kept += os.write(end, bytes(1 << 20))
        except OSError: pass
        answer = kept < 65 << 20
        """,
        answers={b"True"},
    ),
)

SCENARIOS = (*_PROCESSES, *_MEMORY, *_FILES)
