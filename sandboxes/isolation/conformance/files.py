"""Attacks on files that are not the request's: by name, by link, by descriptor and by everything /proc offers."""

from sandboxes.isolation.conformance.prelude import NOTHING, SYSTEM_CALLS
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_HIDDEN = {Protection.HIDDEN_FILES}

_TARGETS = """
import os, sys
import sandboxes
package = os.path.dirname(sandboxes.__file__)
own = os.getcwd()
secret = ['/etc/shadow', '/etc/passwd', '/etc/hostname', '/root/.bashrc', '/proc/1/environ']
valuable = [package + '/errors.py', os.__file__, os.path.realpath(sys.executable), '/etc/passwd', '/usr/bin/env']
def attempt(name, ask):
    try: ask()
    except OSError: return []
    return [name]


"""

_READS = (
    attack(
        "reads other people's files",
        """
        import os, pathlib, sys
        import sandboxes
        root = pathlib.Path(sandboxes.__file__).parent.parent
        answer = []
        def readable(path):
            try:
                if path.is_dir(): return any(readable(p) for p in path.iterdir())
                return path.open('rb') is not None
            except OSError: return False
        for path in (root / 'kernelgym', root / 'rewards', root / 'policies', root / 'tests', root / '.git',
                     pathlib.Path('/etc/shadow'), pathlib.Path('/etc/passwd'), pathlib.Path('/var')):
            if readable(path): answer.append(str(path))
        for module in ('kernelgym', 'rewards', 'policies'):
            try: __import__(module); answer.append(module) if sys.modules[module].__file__ else None
            except (ImportError, OSError): pass
        """,
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "reads through symbolic links it plants",
        (
            _TARGETS,
            """
            answer = []
            for n, path in enumerate([*secret, '/var', '/home', '/root']):
                os.symlink(path, f'link{n}')
                look = os.listdir if os.path.isdir(path) else lambda link: open(link).read()
                answer += attempt(path, lambda: look(f'link{n}'))
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "climbs out through /proc",
        (
            _TARGETS,
            """
            answer = []
            for start in ('/proc/self/root', '/proc/self/cwd/../../../..', '/proc/1/root', '/proc/1/cwd',
                          f'/proc/{os.getppid()}/root', '/proc/self/task/self/root', '/proc/thread-self/root'):
                for path in secret[:4]: answer += attempt(start + path, lambda: open(start + path).read())
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "opens files by handle",
        (
            SYSTEM_CALLS,
            """
            answer = reached_any(name_to_handle_at=(303, 264, -100, b'/', 0, 0, 0),
                                 open_by_handle_at=(304, 265, 0, 0, 0))
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "reopens a path descriptor with more rights",
        (
            _TARGETS,
            """
            answer = []
            for path in valuable:
                try: fd = os.open(path, os.O_PATH)
                except OSError: continue
                answer += attempt(path, lambda: os.open(f'/proc/self/fd/{fd}', os.O_RDWR))
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
)

_WRITES = (
    attack(
        "writes outside its directory",
        """
        import os, sandboxes
        answer = []
        for place in ('/', '/etc', '/usr/lib', '/dev', '/var/tmp', '/run', os.path.dirname(sandboxes.__file__)):
            try:
                with open(os.path.join(place, 'kernelgym-was-here'), 'x') as f: answer.append(place)
                os.unlink(f.name)
            except OSError: pass
        """,
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "changes files of the interpreter and of the system",
        (
            _TARGETS,
            """
            answer = []
            for path in valuable:
                answer += attempt('open ' + path, lambda: open(path, 'r+b'))
                answer += attempt('truncate ' + path, lambda: os.truncate(path, os.stat(path).st_size))
                answer += attempt('chmod ' + path, lambda: os.chmod(path, os.stat(path).st_mode))
                answer += attempt('chown ' + path, lambda: os.chown(path, os.getuid(), os.getgid()))
                answer += attempt('utime ' + path, lambda: os.utime(path))
                answer += attempt('mark ' + path, lambda: os.setxattr(path, 'user.x', b''))
                if 'mark ' + path in answer: os.removexattr(path, 'user.x')
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "writes through hard links",
        (
            _TARGETS,
            """
            answer = []
            for n, path in enumerate(valuable):
                try: os.link(path, f'hard{n}')
                except OSError: continue
                answer += attempt(path, lambda: open(f'hard{n}', 'r+b'))
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "moves and removes files of others",
        (
            _TARGETS,
            """
            answer = []
            for path in (package + '/py.typed', package + '/no-such-file', '/usr/share/no-such-file'):
                open('mine', 'w').close()
                if 'no-such' in path:
                    answer += attempt('move to ' + path, lambda: (os.rename('mine', path), os.unlink(path)))
                answer += attempt('make ' + path, lambda: (os.mkdir(path + '.d'), os.rmdir(path + '.d')))
                answer += attempt('link ' + path, lambda: (os.symlink('/', path + '.l'), os.unlink(path + '.l')))
            """,
        ),
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "poisons bytecode that the next process imports",
        """
        import glob, os, sandboxes, json
        answer = []
        for module in (sandboxes, json):
            cache = os.path.join(os.path.dirname(module.__file__), '__pycache__')
            for path in (os.path.join(cache, 'evil.pyc'), *glob.glob(cache + '/*.pyc')[:3]):
                try:
                    open(path, 'r+b' if os.path.exists(path) else 'xb').close(); answer.append(path)
                    if 'evil' in path: os.unlink(path)
                except OSError: pass
        """,
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "maps a library to write on it",
        """
        import mmap, os, sys
        answer = []
        for path in (os.__file__, os.path.realpath(sys.executable)):
            try:
                with open(path, 'rb') as f: mmap.mmap(f.fileno(), 4096, mmap.MAP_SHARED, 3)
                answer.append(path)
            except OSError: pass
        """,
        answers=NOTHING,
    ),
    attack(
        "turns the kernel's switches",
        """
        import os
        answer = []
        for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sys/vm/drop_caches',
                     '/proc/sysrq-trigger', '/proc/self/attr/current', '/sys/kernel/uevent_helper',
                     '/proc/sys/vm/overcommit_memory',
                     '/sys/devices/system/cpu/cpu1/online', '/sys/kernel/mm/transparent_hugepage/enabled'):
            try: os.open(path, os.O_WRONLY); answer.append(path)
            except OSError: pass
        """,
        answers=NOTHING,
        needs=_HIDDEN,
    ),
    attack(
        "leaves its control group",
        """
        import os
        answer = []
        for root, folders, _ in os.walk('/sys/fs/cgroup'):
            for name in ('cgroup.procs', 'tasks', 'memory.limit_in_bytes', 'memory.max', 'pids.max', 'release_agent'):
                try: os.open(os.path.join(root, name), os.O_WRONLY); answer.append(name)
                except OSError: pass
            if len(answer) > 3: break
        """,
        answers=NOTHING,
        needs=_HIDDEN,
    ),
)

SCENARIOS = (*_READS, *_WRITES)
