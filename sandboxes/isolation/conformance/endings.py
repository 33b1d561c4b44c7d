"""Ways to end, most of them bad luck, and what honest code does: no attack, and each comes back as what it is."""

from sandboxes.isolation.conformance.scenario import honest

__all__ = ["SCENARIOS"]

SCENARIOS = (
    honest("returns an answer", "answer = 6 * 7", answers={b"42"}),
    honest("returns three megabytes", "answer = 'x' * (3 << 20)"),
    honest(
        "imports and runs programs as honest code does",
        """
        import subprocess, sys, wave, tempfile
        with tempfile.NamedTemporaryFile() as f: f.write(b'x')
        done = subprocess.run([sys.executable, '-I', '-c', 'print(7)'], capture_output=True, text=True)
        answer = done.stdout, done.stderr
        """,
        answers={b"('7\\n', '')"},
    ),
    honest(
        "uses threads, event loops, pipes and shared memory as honest libraries do",
        """
        import asyncio, ctypes, mmap, multiprocessing, os, resource, threading
        def child(end, shared): shared[0] = 7; end.send('seven'); end.close()
        ours, theirs = multiprocessing.Pipe()
        shared = mmap.mmap(-1, 4096)
        process = multiprocessing.get_context('fork').Process(target=child, args=(theirs, shared))
        process.start(); said = ours.recv(); process.join()
        done = []
        threads = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        os.mkfifo('fifo'); os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0))
        resource.setrlimit(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK))
        twice = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: 2 * n)
        answer = said, shared[0], len(done), asyncio.run(asyncio.sleep(0, 'slept')), twice(21)
        """,
        answers={b"('seven', 7, 4, 'slept', 42)"},
    ),
    honest("raises", "raise ValueError('no kernel today')", "crashed"),
    honest("raises something unprintable", "class E(BaseException):\n    __str__ = None\nraise E", "crashed"),
    honest("calls sys.exit(0)", "import sys\nsys.exit(0)", "exited", exit_code=0),
    honest("calls os._exit(0)", "import os\nos._exit(0)", "exited", exit_code=0),
    honest("calls os._exit(7)", "import os\nos._exit(7)", "exited", exit_code=7),
    honest("kills itself", "import os\nos.kill(os.getpid(), 9)", "killed", signals={9}),
    honest("aborts", "import os\nos.abort()", "killed", signals={6}),
    honest("dereferences null", "import ctypes\nctypes.string_at(0)", "killed", signals={11}),
    honest(
        "overflows the stack",
        """
        import functools, resource, sys
        sys.setrecursionlimit(1 << 30)  # Python 3.12 counts calls through C by itself; so the stack is made small, too
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 18, resource.getrlimit(resource.RLIMIT_STACK)[1]))
        f = lambda n: functools.reduce(lambda a, b: f(n), [1, 2])
        f(0)
        """,
        "killed",
        signals={11},
    ),
    honest("recurses in Python", "f = lambda: f()\nf()", "crashed"),
)
