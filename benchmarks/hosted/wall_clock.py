"""A wall clock that can be set while processes run by it; their monotonic clock goes on as it was.

libfaketime does not go together with Redis' allocator, so this is a library of its own: it stands before the C library,
asks the kernel, and adds what an eight-byte file says.
"""

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

CODE: Final = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_s;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("WALL_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *offset_s, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset_s = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (status == 0 && offset_s && wall) now->tv_sec += *offset_s;
    return status;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
"""


class WallClock:
    """Of all processes that are started with its environment; right until it is set.

    Args:
        file: Through which it is set, at once.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_bytes(struct.pack("q", 0))
        self._library = _library(file.parent)

    @property
    def works(self) -> bool:
        """False where there is no C compiler; the clock can't be set then."""
        return self._library is not None

    def set(self, offset_s: int) -> None:
        """Puts it ahead by so many seconds; behind if negative."""
        with self._file.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("q", offset_s))

    def environment(self) -> dict[str, str]:
        """Returns what to start processes with."""
        if self._library is None:
            return {}
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_FILE": str(self._file)}


@cache
def _library(folder: Path) -> Path | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library = folder / "wall_clock.c", folder / "wall_clock.so"
    source.write_text(CODE, encoding="ascii")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library
