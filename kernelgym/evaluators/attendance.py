"""How much of the time a worker process really worked: a worker that was stopped or starved has not taken too long.

Time limits are wall times, and a machine may take a process's time away: SIGSTOP, a frozen container, a suspended
laptop, ten times as many runnable processes as cores. Every second the processor time of the worker and all that it
has started (compilers among it) is compared with the time that passed, and with the time for which they wanted a
processor and had to wait for one. Seconds in which they got less than a quarter of either are lost. A process that
sleeps looks the same as one that is stopped; the stages in which that counts have nothing to sleep for. But while a GPU
works for it, it may sleep: then only what it wanted and did not get counts, and being stopped. While it waits for a GPU
that others use, nothing does.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandboxes.contracts import Stage
from sandboxes.devices.cuda.turn import Turn
from sandboxes.isolation.offspring import offspring_of

LOOK_EVERY_S: Final = 1.0

ENOUGH: Final = 0.25
"""Share of the time, and of what it wanted, that a worker has to get: limits are far above what honest work takes."""

STOPPED_S: Final = 10.0
"""A worker that is stopped (SIGSTOP) for so long is given up."""

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Attendance:
    """Watches one process tree while it works on one task.

    Args:
        pid: Of the worker.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.stage: Stage | None = None
        self._turn = Turn.OVER
        self._lost: dict[Stage | None, float] = {}
        self._began = self._seen = time.monotonic()
        self._ran, self._waited = _times_s(pid)
        self._stopped_since: float | None = None

    @property
    def due_s(self) -> float:
        """When to look again, on `time.monotonic`'s clock."""
        return self._seen + LOOK_EVERY_S

    @property
    def stopped(self) -> bool:
        """True if the worker has been stopped for too long to wait for it."""
        return self._stopped_since is not None and self._seen - self._stopped_since >= STOPPED_S

    @property
    def absent(self) -> bool:
        """True if the worker has lost so much of its time that it may be late for that alone.

        While it traces it waits for the candidate, who may sleep: that is not lost.
        """
        lost = sum(seconds for stage, seconds in self._lost.items() if stage is not Stage.TRACE)
        return lost >= ENOUGH * (self._seen - self._began) > 0

    def lost_s(self, stage: Stage) -> float:
        """Returns the time that was lost in a stage, seconds."""
        return self._lost.get(stage, 0.0)

    def begin(self, stage: Stage) -> None:
        """Notes that the worker says it begins a stage."""
        if time.monotonic() - self._seen >= LOOK_EVERY_S:
            self.look()
        self.stage = stage

    def turn(self, turn: Turn) -> None:
        """Notes that the worker waits for a GPU, uses it, or has done with it."""
        if turn in (Turn.WAITING, Turn.BEGAN, Turn.OVER) or time.monotonic() - self._seen >= LOOK_EVERY_S:
            self.look()
        self._turn = turn

    def look(self) -> None:
        """Notes how the worker has spent the time since the last look."""
        now = time.monotonic()
        passed, self._seen = now - self._seen, now
        ran, waited = _times_s(self._pid)
        worked, wanted = max(0.0, ran - self._ran), max(0.0, waited - self._waited)
        self._ran, self._waited = ran, waited
        stopped = _state(self._pid) == "T"
        idle = worked + wanted < ENOUGH * passed
        lost = idle or worked < ENOUGH * (worked + wanted)
        if self._turn is not Turn.OVER and idle:
            lost = stopped
        if lost and self._turn is not Turn.WAITING:
            self._lost[self.stage] = self._lost.get(self.stage, 0.0) + passed
        if not stopped:
            self._stopped_since = None
        elif self._stopped_since is None:
            self._stopped_since = now


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    return ""


def _times_s(root: int) -> tuple[float, float]:
    """Returns how long a process tree has run so far, and how long it has waited for a processor; live processes only.

    What has ended counts as its parent's, as far as it ran; what it waited for is forgotten.
    """
    ran = waited = 0.0
    for pid in _tree(root):
        folder = Path("/proc", str(pid))
        with suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            ran += sum(map(int, fields[11:15])) / _TICKS_PER_S
            for task in (folder / "task").iterdir():
                waited += int((task / "schedstat").read_text().split()[1]) / 1e9
    return ran, waited


def _tree(root: int) -> list[int]:
    """Returns a process and all below it."""
    if not Path("/proc", str(root), "task", str(root), "children").exists():  # the kernel has no lists of children
        return [root, *offspring_of(root)]
    found = [root]
    for pid in found:
        with suppress(OSError):
            for task in Path("/proc", str(pid), "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found
