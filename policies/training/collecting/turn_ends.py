"""How the turns of a played episode ended, as the rule about answers that were cut off asks it."""

from typing import Final

from policies.training.playing.played import PlayedEpisode
from policies.truncation import TurnEnd
from sandboxes.contracts import Outcome

UNFINISHED: Final = {Outcome.NO_CODE, Outcome.SYNTAX_ERROR, Outcome.IMPORT_ERROR}
"""What becomes of a module whose end is missing, where `ModelNew` usually is: nobody judged what it would compute."""

UNDECIDED: Final = {Outcome.OK, Outcome.UNSUPPORTED, Outcome.UNJUDGED, Outcome.INFRASTRUCTURE}
"""What was not judged wrong."""


def turn_ends(played: PlayedEpisode) -> list[TurnEnd]:
    """Returns how each turn of an episode ended."""
    return [
        TurnEnd(
            tokens=played.completion_ids[turn.start : turn.stop],
            cut_off=not turn.stopped,
            incorrect=turn.report is not None and turn.report.outcome not in UNFINISHED | UNDECIDED,
        )
        for turn in played.turns
    ]
