"""Which baseline a turn is compared with, and the conventions where groups are small or rollouts short."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from kernelgym.errors import BadUsage
from policies.advantages.prior import Prior


class Estimator(StrEnum):
    """The baselines. `G_{i,t}` is the return-to-go of rollout i from turn t on, `N_t` how many rollouts are compared.

    The first three and EBPO compare turn t of a prompt's rollouts with turn t of the others (one number per turn); the
    other three compare whole episodes and give all turns of an episode the same number, which credits a fine third turn
    for its first.
    """

    TRLOO = "trloo"
    """`G_{i,t} - mean over j != i of G_{j,t}`: turn-level leave-one-out. Unbiased (Dr.Kernel, Eq. 5)."""
    TURN_GRPO = "turn_grpo"
    """`G_{i,t} - mean over j of G_{j,t}`: the own return is in its baseline. Its expected gradient is `1 - 1/N_t` times
    the true one (Dr.Kernel, Eq. 3 and 4): a mere learning rate while N_t is constant, a bias against small groups where
    it varies."""
    TURN_GRPO_STD = "turn_grpo_std"
    """The same, divided by the group's standard deviation (DeepSeekMath, section 4.1, per turn)."""
    RLOO = "rloo"
    """Leave-one-out over the returns of whole episodes (Ahmadian et al. 2024, "Back to Basics")."""
    GRPO = "grpo"
    """Return of the episode minus the mean of its group (GRPO without the division, as in Dr.GRPO)."""
    GRPO_STD = "grpo_std"
    """The same, divided by the group's standard deviation: GRPO as it was published (DeepSeekMath)."""
    EBPO = "ebpo"
    """Turn-level leave-one-out, shrunk to what is usual at this turn over all prompts (`Prior`)."""

    @property
    def per_turn(self) -> bool:
        """True if turns of one episode get values of their own."""
        return self not in (Estimator.RLOO, Estimator.GRPO, Estimator.GRPO_STD)


class Alone(StrEnum):
    """What a rollout gets that has nobody to be compared with."""

    ZERO = "zero"
    """Nothing: without a baseline, its value would be its return, never negative where rewards are not."""
    RAW = "raw"
    """Its return (baseline 0), as in the published implementation of TRLOO: unbiased, but of high variance."""


class Ended(StrEnum):
    """Whether rollouts that ended before turn t are in the baseline of turn t."""

    ABSENT = "absent"
    """They are not: N_t counts those that played turn t."""
    ZERO = "zero"
    """They are, with the return 0 that they have earned from there on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvantageOptions:
    """How advantages are computed.

    Raises:
        BadUsage: A number is out of range.
    """

    estimator: Estimator = Estimator.TRLOO
    gamma: float = 1.0
    """Discount per turn, 0 to 1. Below 1, a turn is credited less for what it made possible later."""
    alone: Alone = Alone.ZERO
    ended: Ended = Ended.ABSENT
    """Only for estimators per turn."""
    epsilon: float = 1e-4
    """Added to the standard deviation where one divides by it, in units of the reward."""
    prior: Prior | None = None
    """Only for EBPO: of earlier batches. None: the other prompts of the same batch."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.gamma <= 1.0:
            raise BadUsage(f"gamma is {self.gamma}; a discount per turn is 0 to 1")
        if not (isfinite(self.epsilon) and self.epsilon > 0.0):
            raise BadUsage(f"epsilon is {self.epsilon}; give a small number above 0, as 1e-4")
