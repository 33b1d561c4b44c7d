"""What works in a `JobRunner` where nothing is to be evaluated."""

import threading
from collections import Counter
from collections.abc import Callable

from kernelgym.errors import Stopped
from kernelgym.evaluators.messages import Handover, Inquiry, Inspection, Job, Sheltered, Task
from kernelgym.serving.jobs import Answer
from sandboxes.contracts import Stage
from tests.kernelgym.serving.scripted_engine import incorrect


class DoubleStaged:
    """Implements `Evaluating`; one for all threads counts what they do.

    Args:
        seconds: How long each task takes.
        answer: What comes of it.
    """

    def __init__(self, seconds: float = 0.0, answer: Callable[[Task], Answer] = incorrect) -> None:
        self.seconds = seconds
        self.answer = answer
        self.times_done: Counter[str] = Counter()
        self._stopped = threading.Event()

    def opener(self, on_stage: Callable[[Stage], None], on_sheltered: Callable[[Sheltered], None]) -> "DoubleStaged":
        """Stands in for `OpenEvaluator`."""
        return self

    def evaluate(self, job: Job) -> Answer:
        self.times_done[job.submission.digest] += 1
        return self._after_a_while(job)

    def trace(self, job: Job) -> Answer | Handover:
        return self.evaluate(job)

    def replay(self, job: Job, handover: Handover) -> Answer:
        return self._after_a_while(job)

    def describe(self, inquiry: Inquiry) -> Answer:
        return self._after_a_while(inquiry)

    def inspect(self, inspection: Inspection) -> Answer:
        return self._after_a_while(inspection)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        pass

    def _after_a_while(self, task: Task) -> Answer:
        if self.seconds and self._stopped.wait(self.seconds):
            raise Stopped
        return self.answer(task)
