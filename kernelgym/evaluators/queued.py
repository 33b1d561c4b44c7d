"""Evaluates on an engine: in this process tree, or by workers behind a broker."""

from uuid import uuid4

from kernelgym.errors import BadUsage
from kernelgym.evaluators.following import FollowingEvaluator
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Task
from kernelgym.evaluators.protocol import Checking
from kernelgym.evaluators.steps import Ask, Drop, Send, Told
from kernelgym.evaluators.troubles import Busy, Passing, Unmanned
from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.errors import LedgerUnavailable, NoSuchStation, TooBusy
from kernelgym.serving.jobs import JobState, JobView, Order, Priority
from kernelgym.serving.telemetry.observing import log_answered, log_submitted
from sandboxes.contracts import EvalConfig


class EngineLine:
    """Speaks to an engine; a `Line`.

    Args:
        engine: Does the work; ended by `close`.
        priority: Of all orders.
        deadline_s: Of each order.
    """

    def __init__(self, engine: Engine, priority: Priority, deadline_s: float) -> None:
        self._engine = engine
        self._priority = priority
        self._deadline_s = deadline_s

    def alone(self, task: Task) -> bool:
        """Returns False: an engine takes what it is given."""
        return False

    def speak(self, step: Send | Ask | Drop, waiter: str) -> list[JobView] | Told | None:
        """Does what a step says; see `Line`."""
        try:
            match step:
                case Send():
                    return self._submit(step, waiter)
                case Ask():
                    return self._ask(step)
                case Drop():
                    self._engine.cancel(step.ids, waiter)
                    return None
        except TooBusy as error:
            raise Busy(str(error), error.retry_after_s) from error
        except LedgerUnavailable as error:
            raise Passing(str(error)) from error
        except NoSuchStation as error:
            if error.retry_after_s is not None:
                raise Passing(str(error), error.retry_after_s) from error
            raise Unmanned(BadUsage(str(error))) from error

    def close(self) -> None:
        """Ends the engine."""
        self._engine.close()

    def _submit(self, step: Send, waiter: str) -> list[JobView]:
        orders = [self._order(want.task) for want in step.wants]
        views = self._engine.submit(orders, waiter)
        for order, view in zip(orders, views, strict=True):
            log_submitted(order.request_id, view)
        return views

    def _order(self, task: Task) -> Order:
        return Order(task=task, priority=self._priority, deadline_s=self._deadline_s, request_id=uuid4().hex)

    def _ask(self, step: Ask) -> Told:
        done = sorted(self._engine.wait(step.ids, step.wait_s))
        views = dict(zip(done, self._engine.view(done), strict=True)) if done else {}
        ended = [view for view in views.values() if view is not None and view.state in _ENDED]
        for view in ended:
            log_answered(view)
        return Told(
            views=ended,
            unknown=[id for id, view in views.items() if view is None],
        )


_ENDED = (JobState.DONE, JobState.CANCELLED)


class QueueEvaluator(FollowingEvaluator):
    """Implements `Evaluator` and `Inspector` on any engine.

    Where the engine has lost a job, as after its store was flushed, it is submitted again; where its store can't be
    reached, it is tried again after pauses that grow. What is not answered after `deadline_s`, or after `patience_s`
    without a store, is a report `infrastructure`.

    Args:
        engine: Does the work; ended by `close`.
        priority: Who goes first where several wait.
        manners: How much is asked for at a time, and for how long.
    """

    def __init__(self, engine: Engine, *, priority: Priority = Priority.BATCH, manners: Manners | None = None) -> None:
        polite = manners or Manners()
        super().__init__(EngineLine(engine, priority, polite.deadline_s), polite)
        self._engine = engine

    def check(self, config: EvalConfig) -> None:
        """Returns if the engine can evaluate with this configuration, as far as it knows.

        Raises:
            BadUsage: It needs a GPU, and nobody measures on it.
        """
        if isinstance(self._engine, Checking):
            self._engine.check(config)
