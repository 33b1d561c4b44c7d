"""Keeps a worker's compile cache from filling the disk: candidates leave machine code that nobody asks for again."""

import os
import shutil
from pathlib import Path
from typing import Final

MAX_CACHE_BYTES: Final = 512 * 2**20
"""Disk space above which the cache is emptied."""

JOBS_BETWEEN_LOOKS: Final = 20
"""How often its size is determined; that means looking at thousands of files."""


class CompileCache:
    """The folder in which Triton keeps what it compiled; only for a worker that has it to itself while it works.

    Args:
        folder: `TRITON_CACHE_DIR`; it need not exist yet.
        max_bytes: Disk space it may keep.
        jobs_between_looks: Jobs after which its size is determined again.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int = MAX_CACHE_BYTES, jobs_between_looks: int = JOBS_BETWEEN_LOOKS
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._jobs_between_looks = jobs_between_looks
        self._jobs = 0

    def job_done(self) -> None:
        """Empties the folder if it is time to look and it is too large; nothing may be compiling."""
        self._jobs += 1
        if self._jobs % self._jobs_between_looks == 0 and _disk_bytes(self._folder) > self._max_bytes:
            shutil.rmtree(self._folder, ignore_errors=True)


def _disk_bytes(folder: Path) -> int:
    """Returns the disk space of all files below `folder`; 0 if there is no such folder."""
    total = 0
    for where, _, names in os.walk(folder):
        total += sum(Path(where, name).lstat().st_blocks * 512 for name in names)
    return total
