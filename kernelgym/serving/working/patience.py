"""Asking the ledger again while it can't be reached: pauses that grow, and an end."""

import time
from collections.abc import Callable
from random import uniform
from typing import Final, TypeVar

from kernelgym.serving.errors import LedgerUnavailable

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0

Result = TypeVar("Result")


def persist(
    ask: Callable[[], Result], limit_s: Callable[[], float], on_trouble: Callable[[LedgerUnavailable], None]
) -> Result:
    """Returns what `ask` returns, as soon as it does.

    Args:
        ask: What is asked; harmless to repeat.
        limit_s: How long to go on after the first failure; asked each time, because haste may come up meanwhile.
        on_trouble: Told of the first failure.

    Raises:
        LedgerUnavailable: The time is up.
    """
    began: float | None = None
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return ask()
        except LedgerUnavailable as error:
            if began is None:
                began = time.monotonic()
                on_trouble(error)
            if time.monotonic() - began >= limit_s():
                raise
        time.sleep(pause_s * uniform(0.5, 1.0))  # not all workers of a cluster at the same moment
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
