"""What every sandbox must survive: hostile programs by name, for any backend's test suite to run.

Use: create a sandbox with `CONFORMANCE_ENTRY`, and for each `Scenario` call `run` with its source and its `limits`; the
status must be one of `statuses` (and, where `answers` is given, the answer one of those), and afterwards `NEIGHBOUR`
must still give its answer. Covered: exits, crashes, loops, bombs, floods, escapes and leftovers. Not covered: side
channels, and holes in the kernel.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from sandboxes.isolation.entry import Entry
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.result import SandboxStatus

__all__ = ["CONFORMANCE_ENTRY", "CONFORMANCE_LIMITS", "NEIGHBOUR", "SCENARIOS", "Scenario", "run_python"]


def run_python(request: bytes) -> bytes:
    """Execute Python source and return the `repr` of its variable `answer`."""
    namespace: dict[str, Any] = {"__name__": "candidate"}
    exec(compile(request, "candidate.py", "exec"), namespace)  # noqa: S102 - what a sandbox is for
    return repr(namespace.get("answer")).encode()


CONFORMANCE_ENTRY = Entry(target="sandboxes.isolation.conformance:run_python")
"""Needs neither torch nor triton, so that its sandboxes start at once."""

CONFORMANCE_LIMITS = Limits(
    wall_time_s=0.8,
    cpu_time_s=20.0,
    memory_mib=256,
    processes=32,
    file_size_mib=8,
    open_files=64,
    output_mib=4,
    stderr_kib=4,
)
"""Small, so that every scenario soon meets them; `Scenario.limits` adds patience where time is not the point."""

_COMPLETED = frozenset({SandboxStatus.COMPLETED})
_ANY = frozenset(SandboxStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One hostile or unlucky program and the facts that must come back."""

    name: str
    source: str
    statuses: frozenset[SandboxStatus] = _COMPLETED
    answers: frozenset[bytes] = frozenset()
    """Acceptable answers; empty if the answer does not matter."""
    signals: frozenset[int] = frozenset()
    """Acceptable signals; empty if the signal does not matter."""
    exit_code: int | None = None
    """Expected exit code, if it matters."""
    needs: frozenset[str] = field(default_factory=frozenset)
    """Features a backend must have for this promise: `hidden_files`, `hidden_processes`, `quota`."""

    @property
    def limits(self) -> Limits:
        """What to run it under: only a scenario that is to run out of time is given little."""
        if SandboxStatus.TIMEOUT in self.statuses:
            return CONFORMANCE_LIMITS
        return replace(CONFORMANCE_LIMITS, wall_time_s=30.0)


NEIGHBOUR = Scenario(name="the next submission", source="answer = sum(range(10))", answers=frozenset({b"45"}))
"""Must give its answer after every scenario."""


def _scenario(name: str, source: str, *statuses: str, **expected: Any) -> Scenario:
    wanted = frozenset(SandboxStatus(status) for status in statuses) or _COMPLETED
    return Scenario(name=name, source=source, statuses=wanted, **expected)


_ENDINGS = (
    _scenario("returns an answer", "answer = 6 * 7", answers=frozenset({b"42"})),
    _scenario("returns three megabytes", "answer = 'x' * (3 << 20)"),
    _scenario(
        "imports and runs programs as honest code does",
        "import subprocess, sys, wave, tempfile\n"
        "with tempfile.NamedTemporaryFile() as f: f.write(b'x')\n"
        "done = subprocess.run([sys.executable, '-I', '-c', 'print(7)'], capture_output=True, text=True)\n"
        "answer = done.stdout, done.stderr",
        answers=frozenset({b"('7\\n', '')"}),
    ),
    _scenario("raises", "raise ValueError('no kernel today')", "crashed"),
    _scenario("raises something unprintable", "class E(BaseException):\n    __str__ = None\nraise E", "crashed"),
    _scenario("calls sys.exit(0)", "import sys\nsys.exit(0)", "exited", exit_code=0),
    _scenario("calls os._exit(0)", "import os\nos._exit(0)", "exited", exit_code=0),
    _scenario("calls os._exit(7)", "import os\nos._exit(7)", "exited", exit_code=7),
    _scenario("kills itself", "import os\nos.kill(os.getpid(), 9)", "killed", signals=frozenset({9})),
    _scenario("aborts", "import os\nos.abort()", "killed", signals=frozenset({6})),
    _scenario("dereferences null", "import ctypes\nctypes.string_at(0)", "killed", signals=frozenset({11})),
    _scenario(
        "overflows the stack",
        "import functools, sys\nsys.setrecursionlimit(1 << 30)\n"
        "f = lambda n: functools.reduce(lambda a, b: f(n), [1, 2])\nf(0)",
        "killed",
        signals=frozenset({11}),
    ),
    _scenario("recurses in Python", "f = lambda: f()\nf()", "crashed"),
)

_TIME = (
    _scenario("loops forever", "while True: pass", "timeout"),
    _scenario(
        "sleeps through every signal",
        "import signal, time\n"
        "for s in set(signal.valid_signals()) - {9, 19}:\n"
        "    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except OSError: pass\n"
        "time.sleep(1000)",
        "timeout",
    ),
    _scenario(
        "starts threads that never end",
        "import threading, time\n"
        "for _ in range(8): threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "answer = 1",
        answers=frozenset({b"1"}),
    ),
    _scenario("stops itself and its group", "import os\nos.killpg(0, 19)\nos.kill(os.getpid(), 19)", "timeout"),
)

_BOMBS = (
    _scenario(
        "leaves a daemon that holds every pipe",
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: time.sleep(1000)\n"
        "    os._exit(0)\n"
        "answer = 1",
        answers=frozenset({b"1"}),
    ),
    _scenario(
        "leaves a daemon that forks for ever",
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    while True:\n"
        "        try:\n"
        "            if os.fork(): os._exit(0)\n"
        "        except OSError: pass\n"
        "answer = 1",
        answers=frozenset({b"1"}),
    ),
    _scenario(
        "tries two thousand forks",
        "import os, time\n"
        "born = 0\n"
        "for _ in range(2000):\n"
        "    try: child = os.fork()\n"
        "    except OSError: break\n"
        "    if child == 0: time.sleep(1000)\n"
        "    born += 1\n"
        "answer = born < 100",
        "completed",
        "killed",
        answers=frozenset({b"True"}),
    ),
    _scenario(
        "forks exponentially",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "timeout",
        "killed",
    ),
    _scenario("allocates 64 GiB", "answer = len(bytearray(64 << 30))", "memory"),
    _scenario("allocates in steps", "kept = []\nwhile True: kept.append(bytearray(1 << 20))", "memory"),
    _scenario(
        "shares its appetite among many processes",
        "import os, time\n"
        "for n in range(16):\n"
        "    if os.fork() == 0:\n"
        "        kept = bytearray(os.urandom(1 << 20)) * 100\n"
        "        time.sleep(1000)\n"
        "time.sleep(1000)",
        "memory",
    ),
    _scenario(
        "opens ten thousand files",
        "kept = []\n"
        "try:\n"
        "    for _ in range(10000): kept.append(open('/dev/null'))\n"
        "except OSError as e: answer = e.errno, len(kept) < 64",
        answers=frozenset({b"(24, True)"}),
    ),
    _scenario(
        "fills its temporary directory",
        "import os\n"
        "total = 0\n"
        "try:\n"
        "    for n in range(100):\n"
        "        with open(f'{n}', 'wb') as f: total += f.write(bytes(4 << 20))\n"
        "except OSError as e: pass\n"
        "answer = total < 64 << 20",
        answers=frozenset({b"True"}),
        needs=frozenset({"quota"}),
    ),
    _scenario(
        "writes one endless file",
        "try:\n"
        "    with open('big', 'wb') as f:\n"
        "        for _ in range(100): f.write(bytes(1 << 20))\n"
        "except OSError as e: answer = e.errno",
        answers=frozenset({b"27"}),
    ),
)

_EVERY_DESCRIPTOR = (
    "import os\n"
    "def flood(block, rounds):\n"
    "    fds = list(range(1024))\n"
    "    for _ in range(rounds):\n"
    "        for fd in list(fds):\n"
    "            try: os.write(fd, block)\n"
    "            except OSError: fds.remove(fd)\n"
)

_FLOODS = (
    _scenario(
        "writes gigabytes to stdout",
        "import os\nblock = bytes(1 << 16)\nfor _ in range(1 << 16): os.write(1, block)",
        "output_limit",
    ),
    _scenario(
        "writes gigabytes to every descriptor",
        _EVERY_DESCRIPTOR + "flood(bytes(1 << 16), 1 << 16)",
        "output_limit",
    ),
    _scenario("returns more than allowed", "answer = 'x' * (5 << 20)", "output_limit"),
    _scenario(
        "writes garbage frames to every descriptor",
        _EVERY_DESCRIPTOR
        + 'flood(b\'{"op": "done", "wait_status": 0, "swept": true}\', 3)\n'
        + "flood(b'A' + bytes(8), 3)\nflood(b'A' + b'\\xff' * 8, 3)",
        "exited",
    ),
    _scenario(
        "promises more than it sends",
        "import os\nos.write(3, b'A' + b'\\xff' * 8 + b'x')\nos._exit(0)",
        "exited",
    ),
    _scenario("closes every descriptor", "import os\nos.closerange(0, 1024)\nanswer = 1", "exited", exit_code=0),
    _scenario(
        "replaces stdout with a trap",
        "import sys\n"
        "class Trap:\n"
        "    def __getattr__(self, name): raise RuntimeError(name)\n"
        "sys.stdout = sys.stderr = Trap()\n"
        "answer = 1",
        "completed",
        "exited",
    ),
)

_TRY_CONNECT = (
    "import socket\n"
    "def attempt(family, kind, address):\n"
    "    try:\n"
    "        with socket.socket(family, kind) as s:\n"
    "            s.settimeout(0.3)\n"
    "            s.connect(address)\n"
    "            s.send(b'x')\n"
    "        return 'connected'\n"
    "    except OSError: return 'refused'\n"
)

_ESCAPES = (
    _scenario(
        "opens network sockets",
        _TRY_CONNECT + "inet = socket.AF_INET\n"
        "answer = sorted({attempt(inet, socket.SOCK_STREAM, ('127.0.0.1', 22)),"
        " attempt(inet, socket.SOCK_DGRAM, ('127.0.0.1', 53)),"
        " attempt(inet, socket.SOCK_DGRAM, ('192.0.2.1', 53)),"
        " attempt(socket.AF_UNIX, socket.SOCK_STREAM, '/var/run/docker.sock')})",
        answers=frozenset({b"['refused']"}),
    ),
    _scenario(
        "reads other people's files",
        "import os, pathlib, sys\n"
        "import sandboxes\n"
        "root = pathlib.Path(sandboxes.__file__).parent.parent\n"
        "answer = []\n"
        "def readable(path):\n"
        "    try:\n"
        "        if path.is_dir(): return any(readable(p) for p in path.iterdir())\n"
        "        return path.open('rb') is not None\n"
        "    except OSError: return False\n"
        "for path in (root / 'kernelgym', root / 'rewards', root / 'policies', root / 'tests', root / '.git',\n"
        "             pathlib.Path('/etc/shadow'), pathlib.Path('/etc/passwd'), pathlib.Path('/var')):\n"
        "    if readable(path): answer.append(str(path))\n"
        "for module in ('kernelgym', 'rewards', 'policies'):\n"
        "    try: __import__(module); answer.append(module) if sys.modules[module].__file__ else None\n"
        "    except (ImportError, OSError): pass",
        answers=frozenset({b"[]"}),
        needs=frozenset({"hidden_files"}),
    ),
    _scenario(
        "writes outside its directory",
        "import os, sandboxes\n"
        "answer = []\n"
        "for place in ('/', '/etc', '/usr/lib', '/dev', '/var/tmp', os.path.dirname(sandboxes.__file__)):\n"
        "    try:\n"
        "        with open(os.path.join(place, 'kernelgym-was-here'), 'w'): answer.append(place)\n"
        "    except OSError: pass",
        answers=frozenset({b"[]"}),
        needs=frozenset({"hidden_files"}),
    ),
    _scenario(
        "looks for secrets in its environment",
        "import os\n"
        "answer = sorted(n for n, v in os.environ.items() if 'SECRET' in n or 'TOKEN' in n or 'hunter2' in v)",
        answers=frozenset({b"[]"}),
    ),
    _scenario(
        "kills every process it can see",
        "import os\n"
        "for n in range(3):\n"
        "    try: os.kill(-1, 9)\n"
        "    except OSError: pass\n"
        "for p in range(1, 40000):\n"
        "    if p != os.getpid():\n"
        "        try: os.kill(p, 9)\n"
        "        except OSError: pass\n"
        "answer = 1",
        "completed",
        "killed",
    ),
    _scenario(
        "writes its parents' memory",
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "answer = []\n"
        "try: seen = [int(n) for n in os.listdir('/proc') if n.isdigit()]\n"
        "except OSError: seen = []\n"
        "for p in {1, os.getppid(), *seen} - {os.getpid()}:\n"
        "    if libc.ptrace(16, p, 0, 0) == 0: answer.append(('ptrace', p))\n"
        "    for name in ('mem', 'environ', 'fd/3', 'root/etc/passwd', 'cwd/x'):\n"
        "        try:\n"
        "            with open(f'/proc/{p}/{name}', 'r+b'): answer.append((name, p))\n"
        "        except OSError: pass",
        answers=frozenset({b"[]"}),
    ),
    _scenario(
        "regains privileges",
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "answer = [n for n in (0x10000000, 0x10020000, 0x00020000) if libc.unshare(n) == 0]\n"
        "for f, args in (('setuid', (0,)), ('mount', (b'x', b'/tmp', b'tmpfs', 0, 0)), ('chroot', (b'/',)),\n"
        "                ('umount2', (b'/tmp', 2))):\n"
        "    if os.getuid() and getattr(libc, f)(*args) == 0: answer.append(f)",
        answers=frozenset({b"[]"}),
    ),
    _scenario(
        "sees no process but its own",
        "import os\nanswer = len([n for n in os.listdir('/proc') if n.isdigit()]) <= 2",
        answers=frozenset({b"True"}),
        needs=frozenset({"hidden_processes"}),
    ),
)

_LEFTOVER = "kernelgym-leftover"

_LEFTOVERS = (
    _scenario(
        "leaves files behind",
        "import os\n"
        f"for place in ('.', '/tmp', '/dev/shm', os.environ['HOME']):\n"
        f"    try: open(place + '/{_LEFTOVER}', 'w').close()\n"
        "    except OSError: pass\n"
        "os.makedirs('a/b/c')\n"
        "os.symlink('/', 'a/root')\n"
        "open('a/b/c/d', 'w').close()\n"
        "os.chmod('a/b/c', 0)\n"
        "os.chmod('a', 0)\n"
        "os.chmod('.', 0)\n"
        "answer = 1",
        answers=frozenset({b"1"}),
    ),
    _scenario(
        "finds no files of an earlier submission",
        f"import os\nanswer = [p for p in ('.', '/tmp', '/dev/shm') if os.path.exists(p + '/{_LEFTOVER}')]",
        answers=frozenset({b"[]"}),
        needs=frozenset({"hidden_files"}),
    ),
    _scenario(
        "changes directory, mask, limits and signal handlers",
        "import os, resource, signal, sys\n"
        "os.chdir('/usr')\n"
        "os.umask(0o777)\n"
        "os.nice(5)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "sys.modules['os'] = None\n"
        "import builtins\n"
        "builtins.sum = lambda *a: -1\n"
        "answer = 1",
        answers=frozenset({b"1"}),
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    *_ENDINGS, *_TIME, *_BOMBS, *_FLOODS, *_ESCAPES, *_LEFTOVERS,
)  # fmt: skip
"""Every scenario, in an order in which the later ones also look for what the earlier ones left."""
