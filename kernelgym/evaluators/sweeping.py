"""Ends what a worker process leaves behind: compilers that it had started, when it was killed in the middle."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

ASSEMBLER: Final = "ptxas"


def sweep_compilers(session: int) -> None:
    """Kills the compilers of a session whose leader has been killed.

    They have process groups of their own. A sandbox's zygote has not, and is left alone: it notices that its worker is
    gone, and ends its candidate and itself.
    """
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, IndexError, ValueError):
            name, _, rest = (folder / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            _, _, group, its_session = rest.split()[:4]
            if int(its_session) == session and (int(group) != session or name == ASSEMBLER):
                os.kill(int(folder.name), signal.SIGKILL)
