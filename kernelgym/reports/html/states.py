"""What an episode can have come to after a turn: outcomes, grouped so that a figure can be read."""

from enum import StrEnum
from typing import Final

from kernelgym.reports.wording import EVEN, VERDICTS
from sandboxes.contracts import Outcome, Report


class State(StrEnum):
    """From best to worst; the order in which figures stack them."""

    FASTER = "faster"
    SLOWER = "slower"
    WRONG = "wrong"
    MEMORY = "memory"
    FAILED = "failed"
    NO_CODE = "no_code"
    UNSUPPORTED = "unsupported"
    HACK = "hack"
    POLICY = "policy"
    LOST = "lost"


STATE_WORDS: Final = {
    State.FASTER: "correct, not slower",
    State.SLOWER: "correct, slower or not timed",
    State.WRONG: "wrong result",
    State.MEMORY: "memory error",
    State.FAILED: "does not compile or run",
    State.NO_CODE: "no code",
    State.UNSUPPORTED: "can't be judged here",
    State.HACK: "hack",
    State.POLICY: "the policy failed",
    State.LOST: "lost (machine)",
}

_STATES: Final = {
    Outcome.OK: State.SLOWER,
    Outcome.INCORRECT: State.WRONG,
    Outcome.MEMORY_ERROR: State.MEMORY,
    Outcome.NO_CODE: State.NO_CODE,
    Outcome.UNSUPPORTED: State.UNSUPPORTED,
    Outcome.UNJUDGED: State.UNSUPPORTED,
    Outcome.HACK: State.HACK,
    Outcome.INFRASTRUCTURE: State.LOST,
}


def state_of(report: Report) -> State:
    """Returns the group that a verdict belongs to."""
    if report.outcome is Outcome.OK:
        return State.FASTER if report.speedup is not None and report.speedup > 1 - EVEN else State.SLOWER
    return _STATES.get(report.outcome, State.FAILED)


def state_words_of_outcomes() -> dict[str, tuple[str, str, str]]:
    """Returns symbol, words and state of each outcome; a correct one is taken for slow, as its speedup is not known."""
    return {
        outcome.value: (verdict.symbol, verdict.words, _STATES.get(outcome, State.FAILED).value)
        for outcome, verdict in VERDICTS.items()
    }
