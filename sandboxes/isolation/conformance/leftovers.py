"""Things that would outlive a submission, and submissions that look for those of the ones before."""

from sandboxes.isolation.conformance.prelude import NOTHING
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_NAME = "kernelgym-leftover"

SCENARIOS = (
    attack(
        "leaves files behind",
        f"""
        import os
        for place in ('.', '/tmp', '/dev/shm', os.environ['HOME']):
            try: open(place + '/{_NAME}', 'w').close()
            except OSError: pass
        os.makedirs('a/b/c')
        os.symlink('/', 'a/root')
        open('a/b/c/d', 'w').close()
        os.chmod('a/b/c', 0)
        os.chmod('a', 0)
        os.chmod('.', 0)
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "leaves files whose names nobody can print",
        """
        import os
        for name in (b'\\xff\\xfe', b'a\\nb', b' ', b'-rf', b'*', b'x' * 255):
            os.mkdir(name); open(name + b'/' + name, 'w').close(); os.symlink(b'/', name + b'/l')
            os.chmod(name, 0)
        os.mkfifo('fifo')
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "leaves semaphores and shared memory",
        """
        import multiprocessing.shared_memory as shared, multiprocessing as m, os
        kept = []
        for make in (lambda: shared.SharedMemory('kernelgym-leftover', create=True, size=4096), lambda: m.Semaphore(1)):
            try: kept.append(make())
            except OSError: pass
        answer = 1
        os.fork() or __import__('time').sleep(1000)
        """,
        answers={b"1"},
    ),
    attack(
        "finds nothing that an earlier submission left",
        f"""
        import os
        answer = [p for p in ('.', '/tmp', '/dev/shm', os.environ['HOME']) if os.path.exists(p + '/{_NAME}')]
        answer += os.listdir('.')
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
    attack(
        "holds locks on files that everybody reads",
        """
        import fcntl, os, time
        ready, told = os.pipe()
        if os.fork() == 0:
            os.setsid()
            fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(told, b'x')
            time.sleep(1000)
        os.read(ready, 1)
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "finds no lock that an earlier submission held",
        "import fcntl, os\nanswer = fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)",
        answers={b"None"},
    ),
)
