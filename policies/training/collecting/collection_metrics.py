"""What is told of how a batch was collected; all names begin with `collect/`, see docs/training.md."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from policies.training.collecting.row import Mask


@dataclass(slots=True, kw_only=True)
class GroupCounts:
    """How the groups of one batch fared, over all processes."""

    groups: int
    tied: int = 0
    """When they were first played."""
    lost: int = 0
    """Of which nothing counted, when they were first played."""
    tied_left: int = 0
    """In the finished batch."""
    lost_left: int = 0
    rounds: int = 0
    """In which groups were drawn anew."""
    redrawn_once: set[int] = field(default_factory=set)
    """Groups that were drawn anew, however often."""
    redrawn_episodes: int = 0
    retried: int = 0
    """Lost episodes that were played again."""
    group_size: int

    def redraw(self, groups: Collection[int]) -> None:
        """Notes that these groups are drawn anew."""
        self.rounds += 1
        self.redrawn_once |= set(groups)
        self.redrawn_episodes += len(groups) * self.group_size

    @property
    def extra_episodes(self) -> int:
        """Episodes that were played beyond those in the batch."""
        return self.redrawn_episodes + self.retried


def collection_metrics(
    turns: Counter[str], counts: GroupCounts, temperature: float, diversity: float | None, coverage: float | None
) -> dict[str, float]:
    """Returns the metrics of one batch.

    Args:
        turns: `Row.tally` summed over all rows, and under `discarded` how many turns were played beside them.
        counts: Of the batch's groups.
        temperature: At which the batch was sampled.
        diversity: Of its answers; None if it was not measured.
        coverage: Share of the curriculum's problems that were ever tried; None without one.
    """
    metrics = {f"collect/masked_{mask}": turns[mask] / turns["turns"] for mask in Mask}
    metrics |= {
        "collect/masked": sum(turns[mask] for mask in Mask) / turns["turns"],
        "collect/groups_tied": counts.tied / counts.groups,
        "collect/groups_tied_left": counts.tied_left / counts.groups,
        "collect/groups_lost": counts.lost / counts.groups,
        "collect/groups_lost_left": counts.lost_left / counts.groups,
        "collect/groups_resampled": len(counts.redrawn_once) / counts.groups,
        "collect/resampling_rounds": float(counts.rounds),
        "collect/retried_episodes": float(counts.retried),
        "collect/extra_episodes": float(counts.extra_episodes),
        "collect/extra_turns": float(turns["discarded"]),
        "collect/temperature": temperature,
    }
    if diversity is not None:
        metrics["collect/diversity"] = diversity
    if coverage is not None:
        metrics["collect/curriculum_coverage"] = coverage
    return metrics
