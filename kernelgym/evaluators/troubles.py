"""Why nothing came of a step: what passes, and what never will."""

from kernelgym.errors import KernelGymError


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


class Unmanned(Senseless):
    """There is nobody who could do what was sent: a mistake of who asks, unless there was somebody before."""
