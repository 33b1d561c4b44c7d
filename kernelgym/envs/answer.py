"""What one sub-environment says to one action, whenever it is ready."""

from dataclasses import dataclass
from typing import Any, Final

from kernelgym.envs.episode import Episode
from kernelgym.envs.info import info_of_reset, info_of_turn
from kernelgym.envs.submitting import SUBMITTED
from kernelgym.envs.turn import Turn

LOST: Final = "The episode had to be ended: the evaluation failed for a reason that is not yours."
"""The observation where something raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict on one action."""

    index: int
    """Of the sub-environment."""
    observation: str
    reward: float | None
    """None: there is no verdict, as the evaluation was lost. 0.0 for a bare `SUBMIT`."""
    terminated: bool
    truncated: bool
    """Also where something raised; `info["error"]` says what."""
    info: dict[str, Any]
    """As of `step`, for this sub-environment alone."""
    turn: Turn | None
    """With its `Report`; None for a bare `SUBMIT`, and where something raised."""
    elapsed_s: float
    """Wall time from handing the action out to the verdict, seconds; not until somebody asked for it."""


def answer_of(
    index: int, episode: Episode, played: Turn | Exception | None, most: int | None, elapsed_s: float
) -> Answer:
    """Returns what a turn comes to.

    Args:
        index: Of the sub-environment.
        episode: Its episode, after the turn.
        played: The turn; None for a bare `SUBMIT`; what was raised instead of one.
        most: Turns after which an episode that has not ended is truncated.
        elapsed_s: How long it took, seconds.
    """
    if isinstance(played, Exception):
        info = info_of_reset(episode) | {
            "turn": len(episode.turns),
            "infrastructure": True,
            "error": f"{type(played).__name__}: {played}",
        }
        return Answer(
            index=index, observation=LOST,
            reward=None, terminated=False, truncated=True, info=info, turn=None, elapsed_s=elapsed_s,
        )  # fmt: skip
    return Answer(
        index=index,
        observation=SUBMITTED if played is None else played.observation,
        reward=0.0 if played is None else played.reward.value,
        terminated=episode.terminated,
        truncated=episode.truncated or (not episode.terminated and len(episode.turns) == most),
        info=info_of_turn(episode, played),
        turn=played,
        elapsed_s=elapsed_s,
    )
