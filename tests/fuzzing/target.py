"""One reader of hostile data: what it is given, and what may come of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader under test."""

    name: str
    about: str
    """What is read, and by whom, in a few words."""
    make: Callable[[bytes], Any]
    """Makes something hostile of bytes, which has a length."""
    read: Callable[[Any], None]
    """Reads it, and raises what should not be raised."""
    seconds: float
    """CPU time that reading may take, whatever it is."""
    seconds_per_mib: float = 0.0
    """And on top of that, for each MiB."""


class TooSlow(AssertionError):
    """A reader took longer than its bound."""


def execute(target: Target, data: bytes, patience: float = 1.0) -> float:
    """Runs a target once.

    Args:
        target: The reader.
        data: What decides about what it reads.
        patience: How many times as long as usual it may take, where it is watched.

    Returns:
        The CPU time that reading took, in seconds.

    Raises:
        TooSlow: It took more than it may.
        Exception: Whatever the readers should not have raised.
    """
    made = target.make(data)
    started = time.process_time()
    target.read(made)
    took = time.process_time() - started
    allowed = patience * (target.seconds + target.seconds_per_mib * len(made) / 2**20)
    if took > allowed:
        raise TooSlow(f"{target.name}: {len(made):,} characters took {took:.2f} s, {allowed:.2f} s are allowed")
    return took
