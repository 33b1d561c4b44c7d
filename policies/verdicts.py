"""Reads from the environment's feedback what became of a candidate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernelgym.chat import Message
from kernelgym.errors import BadUsage
from kernelgym.reports.wording import cut
from sandboxes.contracts import Outcome

READABLE: Final = ("compact",)
"""Presets whose feedback says its verdict in the first line."""

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


def verdict_of(policy: str, chat: Sequence[Message]) -> Verdict | None:
    """Returns the verdict on a policy's last candidate; None at the begin of an episode.

    Raises:
        BadUsage: The feedback is of a style that says its verdict elsewhere than in its first line.
    """
    if len(chat) == 1:
        return None
    verdict = read_verdict(chat[-1].content)
    if verdict is None:
        first = cut(chat[-1].content, 100)
        raise BadUsage(f"the policy `{policy}` can't read feedback that begins `{first}`; give --style compact")
    return verdict


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
