"""How an agent says that it is done: a last line `SUBMIT`."""

from typing import Final

SUBMIT: Final = "SUBMIT"

SUBMITTED: Final = "The episode is over: the best candidate so far is submitted."
"""The observation after a completion that only submits."""

_DECORATION: Final = " \t\r*_`#<>/.!-"
"""What a model writes around the word."""


def submits(completion: str) -> bool:
    """Returns whether the last line that is not empty says `SUBMIT`, in capitals."""
    *_, last = completion.rstrip().rsplit("\n", 1)
    return last.strip(_DECORATION) == SUBMIT
