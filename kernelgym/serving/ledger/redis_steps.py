"""Names of calls: a script that is run once more because its reply was lost knows the call again."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from kernelgym.serving.errors import LedgerUnavailable

MOST_IN_DOUBT: Final = 1000
"""Calls of which it is remembered that nobody knows whether they happened."""


def new_step() -> str:
    """Returns a name that no other call has."""
    return uuid4().hex


class Steps:
    """Gives what the holder of a claim asks again, after an error, the name that it had before.

    Without it, an answer whose reply came too late would seem to be somebody else's, and counted as a second one; and a
    job that was claimed would seem to be somebody else's, and cost its worker the name and the job an attempt. Before
    there is a token, `id`, station and worker stand for it.
    """

    def __init__(self) -> None:
        self._in_doubt: OrderedDict[tuple[str, str], str] = OrderedDict()

    def run(self, what: str, token: str, call: Callable[[str], Any]) -> Any:
        """Returns what `call` returns for the name of this step.

        Raises:
            LedgerUnavailable: As `call`; it may have happened all the same.
        """
        step = self._in_doubt.pop((what, token), None) or new_step()
        try:
            return call(step)
        except LedgerUnavailable:
            self._in_doubt[what, token] = step
            while len(self._in_doubt) > MOST_IN_DOUBT:
                self._in_doubt.popitem(last=False)
            raise
