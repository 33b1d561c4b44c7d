"""Source that several probes begin with: raw system calls, and words for what came of them."""

__all__ = ["FOREIGN_PROCESSES", "NOTHING", "SYSTEM_CALLS"]

NOTHING = (b"[]",)
"""The answer of a probe that lists what it got at."""

SYSTEM_CALLS = """
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(x86_64, aarch64, *arguments):
    number = x86_64 if os.uname().machine == 'x86_64' else aarch64
    widened = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *widened)
    return result if result >= 0 else -ctypes.get_errno()


def reached(x86_64, aarch64, *arguments):
    '''Whether the kernel did more with a call than to refuse it; complaints about arguments are more.'''
    return call(x86_64, aarch64, *arguments) not in (-errno.EPERM, -errno.ENOSYS, -errno.EACCES)


def reached_any(**calls):
    return sorted(name for name, numbers in calls.items() if reached(*numbers))


"""

FOREIGN_PROCESSES = """
def foreign():
    '''Processes that are not this one: those that can be seen, and guesses.

    What is tried on them changes nothing if it succeeds, for the machine may be somebody's.
    '''
    try: seen = {int(name) for name in os.listdir('/proc') if name.isdigit()}
    except OSError: seen = set()
    near = os.getppid() or os.getpid()
    return sorted(({1, os.getppid(), *range(max(2, near - 4), near + 4)} | seen) - {0, os.getpid()})


"""
