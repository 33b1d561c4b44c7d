"""One number for a whole episode, for trainers that know no rewards of turns."""

from enum import StrEnum

from kernelgym.envs import Episode
from kernelgym.errors import BadUsage, did_you_mean
from sandboxes.contracts import Diagnostic, Stage
from sandboxes.extraction import report_without_code


class EpisodeReward(StrEnum):
    """Which number."""

    BEST = "best"
    """Of the best turn, as `Episode.best` chooses it."""
    LAST = "last"
    """Of the last turn."""
    SUM = "sum"
    """Of all turns: the undiscounted return of the first one, which is what a turn-level trainer gives it."""

    @classmethod
    def named(cls, name: str) -> "EpisodeReward":
        """Returns the one of this name.

        Raises:
            BadUsage: There is none.
        """
        try:
            return cls(name)
        except ValueError:
            known = [str(each) for each in cls]
            remedy = did_you_mean(str(name), known) or f"give one of {', '.join(known)}"
            raise BadUsage(f"episode_reward is {name!r}; {remedy}") from None


def episode_reward(episode: Episode, how: EpisodeReward) -> float | None:
    """Returns what an episode has earned.

    Returns:
        The reward; None if an evaluation was lost to a fault of the infrastructure, so that it says nothing about the
        policy and must be left out of every baseline. An episode without a turn earns what a completion without code
        does.
    """
    if any(turn.lost for turn in episode.turns):
        return None
    if not episode.turns:
        nothing = Diagnostic(stage=Stage.EXTRACT, message="nothing was submitted")
        report = report_without_code(nothing, episode.problem.id, episode.rules.config)
        return episode.rules.scorer(report, []).value
    rewards = [float(turn.reward.value or 0.0) for turn in episode.turns]
    if how is EpisodeReward.SUM:
        return sum(rewards)
    best = episode.best
    if how is EpisodeReward.LAST or best is None:
        return rewards[-1]
    return rewards[best.number - 1]
