"""Attacks through devices and terminals, and attempts to see the GPU that other processes of this machine use.

A test suite sets `CUDA_VISIBLE_DEVICES`, `NVIDIA_VISIBLE_DEVICES` and `KERNELGYM_GPU`, and opens a file with `nvidia`
in its name for its children to inherit, before it starts a sandbox; where it may, it also makes a device node
`/dev/nvidia-planted` that is none. So these look for something also on machines without a GPU.
"""

from sandboxes.isolation.conformance.prelude import FOREIGN_PROCESSES, NOTHING
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
        "looks for a GPU in environments",
        (
            "import os\n",
            FOREIGN_PROCESSES,
            """
            heads = ('CUDA', 'NVIDIA', 'NV_', 'NVML', 'GPU', 'HIP', 'ROC', 'KERNELGYM')
            answer = sorted(n for n, v in os.environ.items() if n.startswith(heads) and v not in ('', 'void'))
            for p in ('self', *foreign()):
                try: text = open(f'/proc/{p}/environ', 'rb').read()
                except OSError: continue
                for row in text.split(bytes(1)):
                    name, _, value = row.decode(errors='replace').partition('=')
                    if name.startswith(heads) and value not in ('', 'void'): answer.append((p, name))
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "opens GPUs",
        """
        import glob, os
        answer = []
        for path in (*glob.glob('/dev/nvidia*'), *glob.glob('/dev/nvidia-caps*/*'), *glob.glob('/dev/dri/*'),
                     '/dev/nvidia0', '/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools',
                     '/dev/nvidia-modeset', '/dev/nvidia-planted',
                     '/dev/nvidia-caps/nvidia-cap1', '/dev/nvidia-caps-imex-channels/channel0',
                     '/dev/dri/card0', '/dev/dri/renderD128', '/dev/kfd', '/dev/dxg', '/dev/accel/accel0'):
            for mode in (os.O_RDONLY, os.O_RDWR):
                try: os.open(path, mode | os.O_NONBLOCK); answer.append(path)
                except OSError: pass
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
    attack(
        "reads what drivers tell of GPUs",
        """
        import glob, os
        answer = []
        for path in ('/proc/driver', '/proc/driver/nvidia', '/proc/driver/nvidia/gpus', '/proc/driver/nvidia/params',
                     '/proc/driver/nvidia/version', '/proc/driver/nvidia-uvm', '/proc/driver/nvidia-caps',
                     '/sys/class/drm', '/sys/bus/pci/devices', '/sys/bus/pci/drivers/nvidia',
                     '/sys/module/nvidia/version',
                     '/run/nvidia-persistenced/socket', '/tmp/nvidia-mps', '/run/nvidia-fabricmanager'):
            try: found = os.listdir(path) if os.path.isdir(path) else open(path).read()
            except OSError: continue
            if found: answer.append(path)
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
    attack(
        "inherits a GPU that is open",
        """
        import os
        answer = []
        for fd in range(4096):
            try: name = os.readlink(f'/proc/self/fd/{fd}')
            except OSError: continue
            if any(word in name for word in ('nvidia', '/dev/dri', '/dev/kfd', 'cuda')): answer.append((fd, name))
        """,
        answers=NOTHING,
    ),
    attack(
        "asks NVIDIA's library for GPUs",
        """
        import ctypes
        answer = []
        for name in ('libcuda.so.1', '/usr/lib/x86_64-linux-gnu/libcuda.so.1', '/usr/lib64/libcuda.so.1'):
            try: library = ctypes.CDLL(name)
            except OSError: continue
            count = ctypes.c_int(0)
            if library.cuInit(0) == 0 and library.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
                answer.append((name, count.value))
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
