"""Attacks through devices and terminals."""

from sandboxes.isolation.conformance.prelude import NOTHING
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

SCENARIOS = (
    attack(
        "makes device nodes",
        """
        import os, stat
        answer = []
        for name, kind, device in (('mem', stat.S_IFCHR, (1, 1)), ('kmsg', stat.S_IFCHR, (1, 11)),
                                   ('disk', stat.S_IFBLK, (8, 0)), ('loop', stat.S_IFBLK, (7, 0))):
            for place in ('.', '/dev', '/dev/shm', '/tmp'):
                try: os.mknod(f'{place}/{name}', kind | 0o666, os.makedev(*device)); answer.append((place, name))
                except OSError: pass
        """,
        answers=NOTHING,
    ),
    attack(
        "opens devices of the machine",
        """
        import glob, os
        answer = []
        for path in ('/dev/mem', '/dev/port', '/dev/kmsg', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/dev/vhost-vsock',
                     '/dev/userfaultfd', '/dev/snapshot', '/dev/hwrng', '/dev/rtc0', *glob.glob('/dev/[sv]d*'),
                     *glob.glob('/dev/loop*'), *glob.glob('/dev/nvidia*'), *glob.glob('/dev/tty[0-9]')):
            for mode in (os.O_RDONLY, os.O_WRONLY):
                try: os.open(path, mode | os.O_NONBLOCK); answer.append(path)
                except OSError: pass
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
    attack(
        "types into a terminal",
        """
        import errno, fcntl, os
        answer = []
        for path in (0, 1, 2, '/dev/tty', '/dev/console', '/dev/pts/0', '/dev/ptmx', '/dev/null'):
            try: fd = path if isinstance(path, int) else os.open(path, os.O_RDWR | os.O_NOCTTY)
            except OSError: continue
            for request in (0x5412, 0x541C):
                try: fcntl.ioctl(fd, request, b'x')
                except OSError as e:
                    if e.errno not in (errno.EPERM, errno.EACCES): answer.append((path, request, e.errno))
                else: answer.append((path, request))
        """,
        answers=NOTHING,
        needs={Protection.SYSTEM_CALLS},
    ),
    attack(
        "makes a pseudo terminal its own",
        "import os\ntry: os.openpty(); answer = 'opened'\nexcept OSError: answer = 'refused'",
        answers={b"'refused'"},
        needs={Protection.HIDDEN_FILES},
    ),
)
