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
from dataclasses import dataclass
from typing import Final

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.answers import Answer, fits, lost
from kernelgym.evaluators.messages import Job, Task
from kernelgym.evaluators.outbox import Outbox
from kernelgym.serving.jobs import JobState, JobView

MAX_IN_FLIGHT: Final = 1024
"""Most tasks of one pursuit that are under way; a server takes no longer list."""

GRACE_S: Final = 10.0
"""Time beyond a job's deadline in which the other side may say itself that it was missed."""

LONGEST_RETRY_S: Final = 60.0
"""Longest pause that another side may ask for."""


class Passing(Exception):
    """The line failed, or the other side can't answer now; asking again may help.

    Args:
        message: Who, and how.
        retry_after_s: When to ask again, if the other side says so.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.message = message
        self.retry_after_s = retry_after_s
        super().__init__(message, retry_after_s)


class Busy(Passing):
    """The other side is there and has no room: send fewer, later."""


class Again(Passing):
    """What was learned from this reply makes the next attempt another one: at once."""


class Senseless(Exception):
    """What was sent makes no sense; if these were several tasks, then one of them."""

    def __init__(self, error: KernelGymError) -> None:
        self.error = error
        super().__init__(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How much is asked for at a time, and for how long."""

    in_flight: int = 256
    """Tasks that were taken and whose answer the caller does not have yet; at most `MAX_IN_FLIGHT`."""
    batch: int = 64
    """Most tasks of one message."""
    batch_characters: int = 1_000_000
    """Most source code of one message; a single task may have more."""
    deadline_s: float = 900.0
    """Patience with one job."""
    patience_s: float = 600.0
    """Patience with a line that fails, from its first failure on; then all that is open is lost."""
    greeting_s: float = 20.0
    """The same before the other side has ever answered: more likely the address is wrong."""
    pause_s: float = 0.1
    """Mean pause after the first failure is half of it; doubles with each one."""
    longest_pause_s: float = 10.0
    longest_wait_s: float = 20.0
    """Longest wait for an answer in one message."""
    silence_s: float = 10.0
    """Longest silence of a server that has to answer at once; beyond a wait, where it need not."""
    gap_s: float = 0.0
    """Time between two questions: who asks for many gets several answers at a time, and asks less often."""

    def __post_init__(self) -> None:
        if not 1 <= self.in_flight <= MAX_IN_FLIGHT:
            raise BadUsage(f"in_flight is {self.in_flight}; give a number from 1 to {MAX_IN_FLIGHT}")
        for name in ("deadline_s", "patience_s", "silence_s"):
            if not getattr(self, name) > 0:
                raise BadUsage(f"{name} is {getattr(self, name)}; give a number of seconds above 0")


@dataclass(slots=True, eq=False)
class Want:
    """One task on its way."""

    index: int
    task: Task
    alone: bool = False
    """It has to be sent by itself: together with others it made no sense."""
    due: float = 0.0
    """When patience with it ends; 0 before it was first sent."""
    resent: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Submit these; answered by one `JobView` each, in their order."""

    wants: tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask what became of these, waiting until there is an answer; answered by `Told`."""

    ids: tuple[str, ...]
    wait_s: float
    at: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the interest in these back; no answer is needed."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """Do nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of jobs; those under way are left out."""

    views: Sequence[JobView] = ()
    """Done or cancelled ones."""
    unknown: Iterable[str] = ()
    """To be sent again."""


Words = Send | Ask | Drop
Found = tuple[int, Answer | KernelGymError]


@dataclass(slots=True)
class _Line:
    """What is known of the line."""

    met: bool
    failures: int = 0
    since: float | None = None
    """Of the first failure after the last reply."""
    try_after: float = 0.0
    send_after: float = 0.0
    ask_after: float = 0.0
    batch: int = 1
    ended: str | None = None
    """Why nothing is said any more."""


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
        self._draw = draw
        self._ends = None if total_s is None else now() + total_s
        self._total_s = total_s
        self._read = 0
        self._exhausted = False
        self._waiting: deque[Want] = deque()
        self._open: dict[str, list[Want]] = {}
        self._to_drop: list[str] = []
        self._outbox: Outbox[Answer | KernelGymError] = Outbox(ordered=ordered)
        self._line = _Line(met=met, batch=manners.batch)

    @property
    def open_ids(self) -> tuple[str, ...]:
        """Jobs that the other side works on for us."""
        return tuple(self._open)

    @property
    def met(self) -> bool:
        """Whether the other side has ever answered."""
        return self._line.met

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
        if self._ends is not None and now >= self._ends and self._line.ended is None:
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
        line = self._line
        if now < line.try_after:
            return Rest(self._bounded(line.try_after - now, now))
        if self._waiting and now >= line.send_after:
            return Send(self._choose(now))
        longest = self._manners.longest_wait_s
        if self._waiting:
            longest = min(longest, line.send_after - now)
        if not self._open or now < line.ask_after:
            return Rest(self._bounded(min(longest, line.ask_after - now) if self._open else longest, now))
        line.ask_after = now + self._manners.gap_s
        first_due = min(want.due for wants in self._open.values() for want in wants)
        return Ask(tuple(self._open), self._bounded(min(longest, max(0.0, first_due - now)), now), now)

    def take(self) -> list[Found]:
        """Returns what was found since the last call: `(index of the task, answer or error)`."""
        return self._outbox.take()

    def taken(self, step: Send, views: Sequence[JobView]) -> None:
        """Takes in that the other side has these now."""
        self._reached()
        self._line.batch = min(self._manners.batch, self._line.batch * 2)
        self._unqueue(step.wants)
        for want, view in zip(step.wants, views, strict=True):
            self._open.setdefault(view.id, []).append(want)
        for view in views:
            self._note(view)

    def told(self, step: Ask, told: Told) -> None:
        """Takes in what became of those that were asked for."""
        self._reached()
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
        if isinstance(error, Senseless):
            self._reached()
            self._senseless(step, error.error)
        elif isinstance(error, Again):
            self._reached()
        elif isinstance(error, Busy):
            self._reached()
            line = self._line
            line.batch = max(1, line.batch // 2)
            pause = error.retry_after_s if error.retry_after_s is not None else self._manners.pause_s
            after = self._now() + min(pause, LONGEST_RETRY_S) * (1.0 + self._draw())
            if isinstance(step, Send):
                line.send_after = after
            else:
                line.try_after = after
        else:
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
            if self._line.ended is None:
                self._waiting.append(want)
            else:
                self._found(want, lost(self._line.ended))

    def _choose(self, now: float) -> tuple[Want, ...]:
        """Returns the first ones that go together; they wait on until they are taken."""
        chosen: list[Want] = []
        characters = 0
        for want in self._waiting:
            alone = want.alone or self._alone(want.task)
            characters += len(want.task.submission.source) if isinstance(want.task, Job) else 0
            if chosen and (alone or characters > self._manners.batch_characters or len(chosen) >= self._line.batch):
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
            if want.resent > 1:
                self._line.send_after = max(self._line.send_after, self._now() + self._pause(want.resent))

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

    def _senseless(self, step: Words, error: KernelGymError) -> None:
        match step:
            case Send(wants=(want,)):
                self._unqueue(step.wants)
                self._outbox.put(want.index, error)
            case Send(wants=wants):
                for want in wants:
                    want.alone = True
            case Ask():
                self._end(str(error))
            case Drop():
                pass

    def _reached(self) -> None:
        line = self._line
        line.met = True
        line.failures = 0
        line.since = None

    def _unreached(self, step: Words, error: Passing) -> None:
        if isinstance(step, Drop):
            return  # nothing but a little work is lost by it
        now, line = self._now(), self._line
        line.failures += 1
        line.since = now if line.since is None else line.since
        patience = self._manners.patience_s if line.met else self._manners.greeting_s
        if now - line.since >= patience:
            self._end(f"{error.message}; it was so for {patience:g} s")
            return
        line.try_after = now + max(min(error.retry_after_s or 0.0, LONGEST_RETRY_S), self._pause(line.failures))
        if isinstance(step, Send):  # if they are to blame, the others come first
            self._unqueue(step.wants)
            self._waiting.extend(step.wants)

    def _pause(self, failures: int) -> float:
        """Returns a pause with full jitter: all clients of a server that comes back must not come at once."""
        most = min(self._manners.longest_pause_s, self._manners.pause_s * 2.0 ** min(failures - 1, 30))
        return most * self._draw()

    def _end(self, why: str) -> None:
        """Gives up: what is open and what is still to be read gets the same answer."""
        self._line.ended = why
        for want in (*self._waiting, *(want for wants in self._open.values() for want in wants)):
            self._found(want, lost(why))
        self._to_drop += self._open
        self._waiting.clear()
        self._open.clear()

    def _found(self, want: Want, answer: Answer) -> None:
        self._outbox.put(want.index, answer)
