"""What a training step learns from: played episodes, and what the rules of selection make of each turn."""

from dataclasses import dataclass, field

from policies.training.playing.played import PlayedEpisode


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedEpisode:
    """One row of a batch.

    Raises:
        ValueError: There is not one value per turn, or a turn without a reward counts.
    """

    played: PlayedEpisode
    rewards: tuple[float | None, ...]
    """Per turn, what is learned: the environment's, or a second evaluator's."""
    counted: tuple[bool, ...]
    """Per turn: it is in the baseline of its group. A turn that is not has no advantage either."""
    learned: tuple[bool, ...]
    """Per turn: its tokens are in the loss. One that is counted but not learned still is competition for others."""

    def __post_init__(self) -> None:
        turns = len(self.played.turns)
        if {len(self.rewards), len(self.counted), len(self.learned)} != {turns}:
            raise ValueError(f"the episode on {self.played.problem} has {turns} turns, but not as many values")
        if any(counted and reward is None for counted, reward in zip(self.counted, self.rewards, strict=True)):
            raise ValueError(f"a turn of the episode on {self.played.problem} counts, but has no reward")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The rows of this process, in the order of the batch, and what is to be told of how they came about."""

    episodes: tuple[CollectedEpisode, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    """By name; the same value on every process."""
