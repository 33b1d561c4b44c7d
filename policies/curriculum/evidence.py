"""What was seen of a problem, and how it fades while the policy changes.

Evidence ages on two scales, in the manner of VADE: a little with every training step, because each step changes the
policy for all problems, and once more for a problem whenever a group of its own arrives, because that group is what the
policy learns of it. What is forgotten goes back to the prior, so that a problem that was impossible long ago is tried
again.

Source:
    VADE: Variance-Aware Dynamic sampling via online sample-level difficulty Estimation, arXiv 2511.18902. The exact
    form of the decay here is our own; see docs/curriculum.md.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from kernelgym.errors import BadUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """How fast evidence fades: the weight that is left of it. 1 forgets nothing.

    Raises:
        BadUsage: A weight is not in (0, 1].
    """

    per_step: float = 1.0
    """After each training step, for every problem. 0.98 halves evidence in 34 steps."""
    per_group: float = 1.0
    """Before a new group of the same problem is added."""

    def __post_init__(self) -> None:
        for name, value in (("per_step", self.per_step), ("per_group", self.per_group)):
            if not 0.0 < value <= 1.0:
                raise BadUsage(f"the weight {name} is {value}; give more than 0 and at most 1, which forgets nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of one problem, each attempt weighted by its age."""

    successes: float = 0.0
    failures: float = 0.0
    step: int = 0
    """The training step at which the weights hold."""
    attempts: int = 0
    """How many attempts there were, whatever they weigh now."""

    @property
    def weight(self) -> float:
        """How many fresh attempts this is worth."""
        return self.successes + self.failures

    def aged(self, weight: float, step: int) -> Self:
        """Returns the same with all weights multiplied by `weight`, as of `step`."""
        return replace(self, successes=self.successes * weight, failures=self.failures * weight, step=step)


UNFADING: Final = Forgetting()
"""What suits a policy that stays as it is: all evidence keeps its weight."""

TRAINING: Final = Forgetting(per_step=0.998, per_group=0.7)
"""What suits a policy in training: the best or nearly so in all simulations of docs/curriculum.md. Evidence that fades
much faster (0.95 per step) makes hopeless problems look promising again and again."""
