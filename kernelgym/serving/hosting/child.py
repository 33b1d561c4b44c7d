"""One of a worker's processes: forked by Celery, owns one evaluator, does one job at a time."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

from kernelgym.evaluators.messages import Sheltered
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.serving.celery_app import CeleryDispatch, make_app
from kernelgym.serving.hosting.ground import Ground
from kernelgym.serving.hosting.host_options import HostOptions
from kernelgym.serving.identity import gpu_identity, judge_versions
from kernelgym.serving.jobs import WorkerView
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import Station
from kernelgym.serving.working.command import Commands
from kernelgym.serving.working.observer import Observer
from kernelgym.serving.working.pulse import worker_id
from kernelgym.serving.working.runner import JobRunner
from sandboxes.contracts import Stage

_LOG: Final = logging.getLogger(__name__)


class Child:
    """Made before the fork; opened, used and closed after it.

    Args:
        options: How the worker is hosted.
        commands: Shared with the parent.
        ground: Where temporary files go.
        observer: Told what happens.
        family: What all processes of the worker have in their names.
    """

    def __init__(
        self, options: HostOptions, commands: Commands, ground: Ground, observer: Observer, family: str
    ) -> None:
        self._family = family
        self._options = options
        self._commands = commands
        self._ground = ground
        self._observer = observer
        self._runner: JobRunner | None = None

    def open(self) -> None:
        """Begins to beat; connects to nothing yet, so that it is ready at once.

        A process that can't, because there is no room for its files, ends: Celery starts another one after a second.
        """
        try:
            self._open()
        except Exception:  # noqa: BLE001 # the boundary that records: Celery would go on without it
            _LOG.exception("a process of the worker could not begin")
            time.sleep(1.0)
            os._exit(1)

    def _open(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who ends a whole group leaves the order of it to the parent
        self._ground.settle()
        url = self._options.redis_url
        ledger = RedisLedger(url)
        dispatch = CeleryDispatch(make_app(url), ledger)
        self._runner = JobRunner(
            ledger, dispatch, self._evaluator, self._view(), commands=self._commands, observer=self._observer
        )
        self._runner.start()

    def work(self, id: str, station: Station) -> bool:
        """Does a job; see `JobRunner.work`."""
        assert self._runner is not None, "open() comes first"
        return self._runner.work(id, station)

    def close(self) -> None:
        """Takes leave."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _evaluator(
        self, on_stage: Callable[[Stage], None], on_sheltered: Callable[[Sheltered], None]
    ) -> StagedEvaluator:
        evaluator = StagedEvaluator(
            sandbox=self._options.sandbox,
            threads=self._options.threads,
            worker_module=self._options.worker_module,
            truths=self._options.truths,
            gpu=self._options.opened,
            on_stage=on_stage,
            on_sheltered=on_sheltered,
        )
        if self._options.gpu is not None:
            evaluator.warm_up()
        return evaluator

    def _view(self) -> WorkerView:
        return WorkerView(
            id=worker_id(self._options.name, self._family),
            host=socket.gethostname(),
            pid=os.getpid(),
            queues=self._options.queues,
            versions=judge_versions(),
            device=self._options.device,
            gpu="" if self._options.ready is None else gpu_identity(self._options.ready),
        )
