"""The allocator settings of workers, for benchmarks that run in this process."""

import ctypes

from kernelgym.evaluators.started import KEEPS_FREED_MEMORY

_OPTIONS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}
"""Numbers of glibc's `mallopt` for its environment variables."""


def like_a_worker() -> None:
    """Lets this process keep freed memory, where the C library can be told so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, value in KEEPS_FREED_MEMORY.items():
            mallopt(_OPTIONS[name], int(value))
