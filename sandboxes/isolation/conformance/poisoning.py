"""Attempts to change what the next submission runs in: imported modules, caches, start-up files, the interpreter."""

from sandboxes.isolation.conformance.prelude import NOTHING
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_CACHES = "('TRITON_CACHE_DIR', 'TORCHINDUCTOR_CACHE_DIR', 'XDG_CACHE_HOME')"

SCENARIOS = (
    attack(
        "changes directory, mask, limits and signal handlers",
        """
        import os, resource, signal, sys
        os.chdir('/usr')
        os.umask(0o777)
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        sys.modules['os'] = None
        import builtins
        builtins.sum = lambda *a: -1
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "poisons modules, collector, exit hooks and import system",
        """
        import atexit, builtins, gc, importlib.abc, json, os, sys, threading, time
        import sandboxes.isolation.result as result
        json.loads = lambda *_: {'poisoned': True}
        result.SandboxStatus.COMPLETED._value_ = 'poisoned'
        builtins.poisoned = sys.poisoned = True
        atexit.register(lambda: open('/tmp/poisoned', 'w'))
        gc.callbacks.append(lambda *_: None)
        gc.unfreeze(); gc.disable()
        sys.meta_path.insert(0, type('Finder', (importlib.abc.MetaPathFinder,), {'find_spec': lambda *_: None})())
        sys.path.insert(0, '/tmp'); sys.setrecursionlimit(50); sys.setswitchinterval(1)
        sys.modules['poisoned'] = json
        threading.settrace(lambda *_: None)
        time.monotonic = lambda: 0.0
        os.environ['POISONED'] = '1'
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "finds no poison of an earlier submission",
        """
        import atexit, builtins, gc, json, os, signal, sys, time
        import sandboxes.isolation.result as result
        answer = [name for name, poisoned in {
            'json': json.loads('1') != 1, 'status': result.SandboxStatus.COMPLETED.value != 'completed',
            'builtins': hasattr(builtins, 'poisoned') or sum([1]) != 1, 'sys': hasattr(sys, 'poisoned'),
            'callbacks': gc.callbacks, 'collector': not gc.isenabled(),
            'finders': any('Finder' == type(f).__name__ for f in sys.meta_path),
            'path': '/tmp' in sys.path, 'recursion': sys.getrecursionlimit() < 100,
            'modules': 'poisoned' in sys.modules,
            'clock': time.monotonic() == 0, 'environment': 'POISONED' in os.environ, 'mask': os.umask(0o77) != 0o77,
            'signals': signal.getsignal(signal.SIGTERM) != signal.SIG_DFL or signal.pthread_sigmask(0, []),
            'atexit': os.path.exists('/tmp/poisoned'), 'nice': os.getpriority(os.PRIO_PROCESS, 0) > 4,
        }.items() if poisoned]
        """,
        answers=NOTHING,
    ),
    attack(
        "poisons the caches of compilers",
        f"""
        import os
        for name in {_CACHES}:
            os.makedirs(os.environ[name] + '/poison', exist_ok=True)
            open(os.environ[name] + '/poison/kernel.cubin', 'w').write('wrong')
        for path in ('~/.triton/cache', '~/.cache/torch', '~/.nv/ComputeCache', '/tmp/kernelgym-poison'):
            try: os.makedirs(os.path.expanduser(path))
            except OSError: pass
        answer = 1
        """,
        answers={b"1"},
    ),
    attack(
        "finds no cache of an earlier submission",
        f"""
        import os
        answer = [name for name in {_CACHES} if os.path.exists(os.environ[name])]
        for path in ('~/.triton', '~/.cache', '~/.nv', '/tmp/kernelgym-poison'):
            if os.path.exists(os.path.expanduser(path)): answer.append(path)
        """,
        answers=NOTHING,
    ),
    attack(
        "plants files that interpreters run at their start",
        """
        import os, sys
        home = os.environ['HOME']
        own = f'{home}/.local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages'
        os.makedirs(own, exist_ok=True)
        answer = []
        for place in ('.', home, own, *sys.path):
            for name in ('sitecustomize.py', 'usercustomize.py', 'evil.pth', 'json.py', '.bashrc', 'pyvenv.cfg'):
                path = os.path.join(place, name)
                try: open(path, 'x').write('import os; os._exit(66)')
                except OSError: continue
                if not os.path.realpath(path).startswith(os.getcwd()): answer.append(path); os.unlink(path)
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
    attack(
        "finds no planted start-up files",
        """
        import os, subprocess, sys
        answer = os.listdir('.'), subprocess.run([sys.executable, '-c', 'import json']).returncode
        """,
        answers={b"([], 0)"},
    ),
)
