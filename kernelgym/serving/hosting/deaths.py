"""Tells the ledger at once which processes of a worker have ended without leave, so that no lease has to pass.

Only who lives on the same machine can know that a process is dead, and not slow: one of the same worker, by `/proc`.
"""

from collections.abc import Callable
from typing import Final

from kernelgym.serving.dispatch import Dispatch
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.janitor import Deed, Keeping
from kernelgym.serving.jobs import JobState
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.working.pulse import process_of
from sandboxes.isolation.offspring import is_alive

_NOBODY: Final[frozenset[int]] = frozenset()


class Deaths:
    """Releases the jobs of dead processes, and strikes these off.

    Args:
        ledger: Whose jobs.
        dispatch: Sends them again.
        family: What the processes of this worker have in their names (`pulse.worker_id`).
        processes: Those that there are, or were a moment ago.
        on_deed: Told what it does.
    """

    def __init__(
        self,
        ledger: Keeping,
        dispatch: Dispatch,
        family: str,
        processes: Callable[[], set[int]],
        on_deed: Callable[[Deed, OpenJob], None],
    ) -> None:
        self._ledger = ledger
        self._dispatch = dispatch
        self._family = family
        self._processes = processes
        self._on_deed = on_deed
        self._living = _NOBODY

    def look(self) -> None:
        """Asks the ledger only if processes have come or gone; if it is away, the next look tries again."""
        living = frozenset(pid for pid in self._processes() if is_alive(pid))
        if living == self._living:
            return
        try:
            self._settle_estates()
        except LedgerUnavailable:
            return
        self._living = living

    def _settle_estates(self) -> None:
        for job in self._ledger.open_jobs():
            dead = job.state is JobState.RUNNING and self._is_dead(job.worker)
            if dead and (priority := self._ledger.release(job.id, job.token, lost=True)):
                self._on_deed(Deed.RELEASED, job)
                self._dispatch(job.queue, job.id, priority, job.request_id)
        for worker in self._ledger.beats():
            if self._is_dead(worker):
                self._ledger.forget_worker(worker)

    def _is_dead(self, worker: str) -> bool:
        process = process_of(worker, self._family)
        return process is not None and not is_alive(process)
