"""Attempts to become more than nobody: by programs, namespaces, mounts and identities."""

from sandboxes.isolation.conformance.prelude import NOTHING, SYSTEM_CALLS
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_FILTER = {Protection.SYSTEM_CALLS}

SCENARIOS = (
    attack(
        "runs setuid programs",
        """
        import glob, os, stat, subprocess
        answer = []
        elevated = [p for p in sorted(glob.glob('/usr/bin/*')) if os.lstat(p).st_mode & stat.S_ISUID]
        for path in elevated[:3]:
            # The dynamic linker only says so to a program that is not elevated.
            done = subprocess.run([path, '--version'], env={'LD_SHOW_AUXV': '1'}, capture_output=True, stdin=-3)
            if b'AT_SECURE:0' not in done.stdout.replace(b' ', b''): answer.append(path)
        """,
        answers=NOTHING,
    ),
    attack(
        "holds capabilities",
        """
        rows = dict(row.split(':', 1) for row in open('/proc/self/status'))
        answer = [name for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb') if int(rows[name], 16) & ~4]
        answer += [name for name in ('NoNewPrivs',) if int(rows[name]) != 1]
        """,
        answers=NOTHING,
    ),
    attack(
        "becomes somebody else",
        """
        import os
        answer = []
        for user in (0, 1, os.getuid() + 1, 65534):
            if user == os.getuid(): continue
            for name, arguments in (('setuid', (user,)), ('setgid', (user,)), ('setresuid', (user,) * 3),
                                    ('setgroups', ([user],))):
                try: getattr(os, name)(*arguments); answer.append((name, user))
                except OSError: pass
        """,
        answers=NOTHING,
    ),
    attack(
        "makes a program setuid",
        """
        import os, shutil, subprocess
        shutil.copy('/usr/bin/id', 'id')
        try: os.chown('id', 0, 0)
        except OSError: pass
        os.chmod('id', 0o6755)
        shown = subprocess.run(['./id', '-u'], capture_output=True, text=True).stdout.strip()
        answer = shown in ('', str(os.getuid()))
        """,
        answers={b"True"},
    ),
    attack(
        "makes namespaces",
        (
            SYSTEM_CALLS,
            """
            flags = dict(user=0x10000000, mount=0x20000, pid=0x20000000, net=0x40000000, ipc=0x8000000, uts=0x4000000,
                         cgroup=0x2000000, time=0x80, user_and_mount=0x10020000)
            answer = [name for name, flag in flags.items() if libc.unshare(flag) == 0]
            for name, flag in flags.items():
                child = call(56, 220, flag | 17, 0, 0, 0, 0)
                if child == 0: os._exit(0)
                if child > 0: answer.append('clone ' + name)
            answer += reached_any(clone3=(435, 435, -1, 0), setns=(308, 268, -1, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "mounts",
        (
            SYSTEM_CALLS,
            """
            answer = reached_any(mount=(165, 40, b'x', b'/nowhere', b'tmpfs', 0, 0), umount2=(166, 39, b'/nowhere', 2),
                pivot_root=(155, 41, b'.', b'.'), bind=(165, 40, b'/', b'nowhere', 0, 4096, 0),
                remount=(165, 40, 0, b'nowhere', 0, 32, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "mounts by the newer calls",
        (
            SYSTEM_CALLS,
            """
            answer = reached_any(open_tree=(428, 428, -100, b'/', 1), move_mount=(429, 429, -1, 0, -1, 0, 0),
                fsopen=(430, 430, b'tmpfs', 0), fsconfig=(431, 431, -1, 0, 0, 0, 0), fsmount=(432, 432, -1, 0, 0),
                fspick=(433, 433, -100, b'/', 0), mount_setattr=(442, 442, -1, 0, 0, 0, 0),
                statmount=(457, 457, 0, 0, 0, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "changes its root",
        (
            SYSTEM_CALLS,
            """
            os.mkdir('jail')
            answer = reached_any(chroot=(161, 51, b'jail'))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "maps itself to root",
        """
        import os
        answer = []
        for name, text in (('uid_map', f'0 {os.getuid()} 1'), ('gid_map', f'0 {os.getgid()} 1'),
                           ('setgroups', 'allow')):
            try: os.write(os.open(f'/proc/self/{name}', os.O_WRONLY), text.encode()); answer.append(name)
            except OSError: pass
        """,
        answers=NOTHING,
    ),
    attack(
        "talks to the hardware",
        (
            SYSTEM_CALLS,
            """
            answer = []
            if os.uname().machine == 'x86_64':
                answer = reached_any(iopl=(172, 0, 3), ioperm=(173, 0, 0, 8, 1), modify_ldt=(154, 0, 0, 0, 0))
            """,
        ),
        answers=NOTHING,
        needs=_FILTER,
    ),
)
