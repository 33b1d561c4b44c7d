"""Follows tasks to their answers, over a line that may fail: what to say next, and what a reply means. Does no I/O.

    tasks ──► waiting ──Send──► open ──Ask──► found
                 ▲     busy       │ unknown, cancelled
                 └────────────────┘

Why it is hard: the line breaks in the middle of a reply, the other side forgets everything, is too busy, or answers
late. Sending is idempotent, for a job's id is a hash of what is asked: so whatever is in doubt is said again, and the
answer that is in hand first is kept. All times are monotonic; a call of `next` returns a step at once.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from kernelgym.errors import KernelGymError
from kernelgym.evaluators.answers import Answer, fits, lost
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Job, Task
from kernelgym.evaluators.outbox import Outbox
from kernelgym.evaluators.rhythm import Rhythm
from kernelgym.evaluators.steps import Ask, Drop, Rest, Send, Told, Want, Words
from kernelgym.evaluators.troubles import Again, Busy, Passing, Senseless, Unmanned
from kernelgym.serving.jobs import JobState, JobView

GRACE_S: Final = 10.0
"""Time beyond a job's deadline in which the other side may say itself that it was missed."""

Found = tuple[int, Answer | KernelGymError]


class Pursuit:
    """Takes tasks as there is room for them, and finds one answer for each.

    Args:
        tasks: Is read lazily, as there is room.
        manners: How much at a time, and for how long.
        ordered: Whether answers are found in the order of the tasks.
        total_s: Time for all of them; what is not answered then is lost.
        alone: Says of a task that it has to be sent by itself.
        met: Whether the other side has answered anything before.
        now: Monotonic clock.
        draw: A random number from 0 to 1, for pauses.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        manners: Manners,
        *,
        ordered: bool = False,
        total_s: float | None = None,
        alone: Callable[[Task], bool] = lambda task: False,
        met: bool = True,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._tasks = iter(tasks)
        self._manners = manners
        self._alone = alone
        self._now = now
        self._ends = None if total_s is None else now() + total_s
        self._total_s = total_s
        self._read = 0
        self._exhausted = False
        self._waiting: deque[Want] = deque()
        self._open: dict[str, list[Want]] = {}
        self._to_drop: list[str] = []
        self._manned: set[tuple[str, str]] = set()
        self._outbox: Outbox[Answer | KernelGymError] = Outbox(ordered=ordered)
        self._rhythm = Rhythm(manners, met=met, now=now, draw=draw)
        self._ended: str | None = None

    @property
    def open_ids(self) -> tuple[str, ...]:
        """Jobs that the other side works on for us."""
        return tuple(self._open)

    @property
    def met(self) -> bool:
        """Whether the other side has ever answered."""
        return self._rhythm.met

    def adopt(self, id: str, task: Task) -> None:
        """Follows a job that was submitted before."""
        self._open.setdefault(id, []).append(Want(self._read, task, due=self._now() + self._manners.deadline_s))
        self._read += 1

    def next(self) -> Words | Rest | None:
        """Returns what to do now; None if there is nothing left to do but to take what was found.

        Raises:
            Exception: What reading the next task raises.
        """
        now = self._now()
        if self._ends is not None and now >= self._ends and self._ended is None:
            self._end(f"there was no answer within the {self._total_s:g} s that all had together")
        self._expire_waiting(now)
        self._pull()
        if self._outbox.ready:
            return Rest(0.0)
        if self._to_drop:
            dropped, self._to_drop = tuple(self._to_drop), []
            return Drop(dropped)
        if not self._waiting and not self._open:
            return None if self._exhausted else Rest(0.0)
        rhythm = self._rhythm
        if now < rhythm.speak_after:
            return Rest(self._bounded(rhythm.speak_after - now, now))
        if self._waiting and now >= rhythm.send_after:
            return Send(self._choose(now))
        longest = self._manners.longest_wait_s
        if self._waiting:
            longest = min(longest, rhythm.send_after - now)
        if not self._open or now < rhythm.ask_after:
            return Rest(self._bounded(min(longest, rhythm.ask_after - now) if self._open else longest, now))
        rhythm.asked()
        first_due = min(want.due for wants in self._open.values() for want in wants)
        return Ask(tuple(self._open), self._bounded(min(longest, max(0.0, first_due - now)), now), now)

    def take(self) -> list[Found]:
        """Returns what was found since the last call: `(index of the task, answer or error)`."""
        return self._outbox.take()

    def taken(self, step: Send, views: Sequence[JobView]) -> None:
        """Takes in that the other side has these now."""
        self._rhythm.reached()
        self._rhythm.sent()
        self._unqueue(step.wants)
        self._manned |= {_place(want.task) for want in step.wants}
        for want, view in zip(step.wants, views, strict=True):
            self._open.setdefault(view.id, []).append(want)
        for view in views:
            self._note(view)

    def told(self, step: Ask, told: Told) -> None:
        """Takes in what became of those that were asked for."""
        self._rhythm.reached()
        for view in told.views:
            self._note(view)
        for id in told.unknown:
            self._resend(id)
        for id in step.ids:
            for want in self._open.get(id, ()):
                if want.due + GRACE_S <= step.at:
                    self._found(want, lost(f"there was no answer within {self._manners.deadline_s:g} s"))
            self._shrink(id, step.at)

    def failed(self, step: Words, error: Passing | Senseless) -> None:
        """Takes in that nothing came of a step."""
        if not isinstance(error, Passing) or isinstance(error, Busy | Again):
            self._rhythm.reached()
        match error:
            case Senseless():
                self._senseless(step, error)
            case Again():
                pass
            case Busy():
                self._rhythm.busy(error, sending=isinstance(step, Send))
            case Passing():
                self._unreached(step, error)

    def _bounded(self, seconds: float, now: float) -> float:
        return max(0.0, seconds if self._ends is None else min(seconds, self._ends - now))

    def _pull(self) -> None:
        """Reads tasks if there is room for a fair number: a message for each single one would be many messages."""
        held = len(self._waiting) + sum(map(len, self._open.values())) + len(self._outbox)
        room = self._manners.in_flight - held
        if self._exhausted or (held and room < max(1, min(self._manners.batch, self._manners.in_flight // 4))):
            return
        for _ in range(min(room, self._manners.batch)):
            try:
                task = next(self._tasks)
            except StopIteration:
                self._exhausted = True
                return
            want = Want(self._read, task)
            self._read += 1
            if self._ended is None:
                self._waiting.append(want)
            else:
                self._found(want, lost(self._ended))

    def _choose(self, now: float) -> tuple[Want, ...]:
        """Returns the first ones that go together; they wait on until they are taken."""
        chosen: list[Want] = []
        characters = 0
        for want in self._waiting:
            alone = want.alone or self._alone(want.task)
            characters += len(want.task.submission.source) if isinstance(want.task, Job) else 0
            if chosen and (alone or characters > self._manners.batch_characters or len(chosen) >= self._rhythm.batch):
                break
            chosen.append(want)
            want.due = want.due or now + self._manners.deadline_s
            if alone:
                break
        return tuple(chosen)

    def _unqueue(self, wants: Sequence[Want]) -> None:
        for want in wants:
            self._waiting.remove(want)

    def _note(self, view: JobView) -> None:
        if view.state is JobState.DONE and view.answer is not None:
            for want in self._open.pop(view.id, ()):
                if fits(view.answer, want.task):
                    self._found(want, view.answer)
                else:
                    self._found(want, lost(f"job {view.id[:12]} was answered with another's: `{view.answer.kind}`"))
        elif view.state in (JobState.DONE, JobState.CANCELLED):  # not by us: what we cancel is not open any more
            self._resend(view.id)

    def _resend(self, id: str) -> None:
        """Puts a job that is not known any more among those that wait; for a while, if that happens again and again."""
        for want in self._open.pop(id, ()):
            want.resent += 1
            self._waiting.append(want)
            self._rhythm.again(want.resent)

    def _shrink(self, id: str, at: float) -> None:
        """Forgets those of a job's wants that were given up; a job without any is dropped."""
        if id in self._open:
            self._open[id] = [want for want in self._open[id] if want.due + GRACE_S > at]
            if not self._open[id]:
                del self._open[id]
                self._to_drop.append(id)

    def _expire_waiting(self, now: float) -> None:
        late = [want for want in self._waiting if want.due and want.due <= now]
        self._unqueue(late)
        for want in late:
            self._found(want, lost(f"there was no room for it within {self._manners.deadline_s:g} s"))

    def _senseless(self, step: Words, error: Senseless) -> None:
        """Takes in that something makes no sense; where the other side has taken it before, that is not its fault."""
        match step:
            case Send(wants=(want,)):
                self._unqueue(step.wants)
                if want.resent or (isinstance(error, Unmanned) and _place(want.task) in self._manned):
                    self._found(want, lost(f"it could not go on: {error.error}"))
                else:
                    self._outbox.put(want.index, error.error)
            case Send(wants=wants):
                for want in wants:
                    want.alone = True
            case Ask():
                self._end(str(error.error))
            case Drop():
                pass

    def _unreached(self, step: Words, error: Passing) -> None:
        if isinstance(step, Drop):
            return  # nothing but a little work is lost by it
        if (why := self._rhythm.unreached(error)) is not None:
            self._end(why)
        elif isinstance(step, Send):  # if they are to blame, the others come first
            self._unqueue(step.wants)
            self._waiting.extend(step.wants)

    def _end(self, why: str) -> None:
        """Gives up: what is open and what is still to be read gets the same answer."""
        self._ended = why
        for want in (*self._waiting, *(want for wants in self._open.values() for want in wants)):
            self._found(want, lost(why))
        self._to_drop += self._open
        self._waiting.clear()
        self._open.clear()

    def _found(self, want: Want, answer: Answer) -> None:
        self._outbox.put(want.index, answer)


def _place(task: Task) -> tuple[str, str]:
    """Returns where a task is worked off, as far as somebody may be lacking there: device and target."""
    return (task.config.device, task.config.target) if isinstance(task, Job) else ("", "")
