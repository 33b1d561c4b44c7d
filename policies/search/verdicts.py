"""Reads from the environment's feedback what became of a candidate."""

import re
from dataclasses import dataclass
from typing import Final

from sandboxes.contracts import Outcome

_FIRST_LINE: Final = re.compile(
    r"^Turn (?P<turn>\d+) of (?P<turns>\d+): (?P<outcome>\w+)"
    r"(?: - (?P<speedup>[\d,]*\.?\d+(?:e[+-]?\d+)?)\s?[×x](?!\w))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the first line of a feedback says."""

    turn: int
    turns: int
    outcome: Outcome
    speedup: float | None
    """None if there is none."""


def read_verdict(feedback: str) -> Verdict | None:
    """Returns what `Turn 2 of 8: ok - 1.25× ...` says; None for a text that does not begin like this."""
    found = _FIRST_LINE.match(feedback)
    if found is None or found["outcome"] not in set(Outcome):
        return None
    speedup = found["speedup"]
    return Verdict(
        turn=int(found["turn"]),
        turns=int(found["turns"]),
        outcome=Outcome(found["outcome"]),
        speedup=None if speedup is None else float(speedup.replace(",", "")),
    )
