"""When to speak again, and how much at a time: pauses after failures, smaller messages where there is no room."""

from collections.abc import Callable
from typing import Final

from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.troubles import Busy, Passing

LONGEST_RETRY_S: Final = 60.0
"""Longest pause that another side may ask for."""


class Rhythm:
    """What is known of a line: whether it holds, and when it may be used next.

    Args:
        manners: How patient to be.
        met: Whether the other side has answered anything before.
        now: Monotonic clock.
        draw: A random number from 0 to 1, for pauses.
    """

    def __init__(self, manners: Manners, *, met: bool, now: Callable[[], float], draw: Callable[[], float]) -> None:
        self._manners = manners
        self._now = now
        self._draw = draw
        self._failures = 0
        self._failing_since: float | None = None
        self.met = met
        """Whether the other side has ever answered."""
        self.batch = manners.batch
        """Most tasks of the next message."""
        self.speak_after = 0.0
        self.send_after = 0.0
        self.ask_after = 0.0

    def reached(self) -> None:
        """Notes a reply, whatever it says."""
        self.met = True
        self._failures = 0
        self._failing_since = None

    def sent(self) -> None:
        """Notes that a message with tasks was taken: the next one may be larger."""
        self.batch = min(self._manners.batch, self.batch * 2)

    def asked(self) -> None:
        """Notes a question: the next one has time."""
        self.ask_after = self._now() + self._manners.gap_s

    def busy(self, error: Busy, *, sending: bool) -> None:
        """Notes that there is no room; where only sending was refused, asking goes on."""
        self.batch = max(1, self.batch // 2)
        pause_s = error.retry_after_s if error.retry_after_s is not None else self._manners.pause_s
        after = self._now() + min(pause_s, LONGEST_RETRY_S) * (1.0 + self._draw())
        if sending:
            self.send_after = after
        else:
            self.speak_after = after

    def unreached(self, error: Passing) -> str | None:
        """Notes a failure; returns why to give up, if it has been so for too long."""
        now = self._now()
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        patience_s = self._manners.patience_s if self.met else self._manners.greeting_s
        if now - self._failing_since >= patience_s:
            return f"tried for {patience_s:g} s: {error.message}"
        wanted_s = min(error.retry_after_s or 0.0, LONGEST_RETRY_S)
        self.speak_after = now + max(wanted_s, self._pause_s(self._failures))
        return None

    def again(self, times: int) -> None:
        """Notes that the same has to be sent once more, for the `times`-th time: the second time may be too soon."""
        if times > 1:
            self.send_after = max(self.send_after, self._now() + self._pause_s(times))

    def _pause_s(self, failures: int) -> float:
        """Returns a pause with full jitter: all clients of a server that comes back must not come at once."""
        most_s = min(self._manners.longest_pause_s, self._manners.pause_s * 2.0 ** min(failures - 1, 30))
        return most_s * self._draw()
