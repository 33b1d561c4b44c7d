"""One worker for each GPU of a machine: what is measured while somebody else measures is worth nothing."""

import fcntl
import os
import re
import tempfile
from pathlib import Path

from kernelgym.errors import BadUsage


class GpuLock:
    """Held from construction until it is closed or the process ends, however that happens.

    Args:
        gpu: Its UUID, so that all who use it meet, whatever they call it.
        folder: Where the lock's file is; None: the machine's folder for temporary files, so that all users meet there.

    Raises:
        BadUsage: Somebody else holds it; says which process.
    """

    def __init__(self, gpu: str, folder: Path | None = None) -> None:
        path = (folder or Path(tempfile.gettempdir())) / f"kernelgym-gpu-{re.sub(r'[^A-Za-z0-9-]', '_', gpu)}.lock"
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BadUsage(f"the lock of GPU {gpu} can't be opened: {error}; remove {path}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise BadUsage(
                f"GPU {gpu} has a worker, process {holder}, and one process measures on a GPU; end it, or take "
                "another GPU"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Gives it back."""
        os.close(self._file)
