"""The sections of a recipe that say how episodes become gradients; each rule is off unless it is named.

Where a rule has a class of its own that does it, the defaults here are that class's (a test compares them).
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from policies.advantages import Alone, Ended, Estimator
from policies.curriculum import Speaking
from policies.mismatch import Level
from policies.training.collecting.dynamic_sampling import Ties
from policies.training.collecting.rejection import Level as RejectionLevel
from policies.training.recipes.recipe_sections import Count, Name, NonNegative, Positive, Section, Share
from policies.truncation import Truncated
from rewards.rejection import Share as OwnShare


class Advantage(Section):
    """What a turn is compared with (`AdvantageOptions`)."""

    estimator: Estimator = Estimator.TRLOO
    """`trloo`, `turn_grpo`, `turn_grpo_std`, `rloo`, `grpo`, `grpo_std` or `ebpo`."""
    gamma: Share = 1.0
    alone: Alone = Alone.ZERO
    ended: Ended = Ended.ABSENT
    prior: Literal["batch", "history"] = "batch"
    """What `ebpo` shrinks to: the other groups of the batch, or those of earlier ones, too."""


class Loss(Section):
    """TRL's policy loss."""

    type: Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"] = "dr_grpo"
    """`dr_grpo`: tokens are summed and divided by a constant, so that no length is favoured."""
    ratio: Literal["token", "turn"] = "token"
    """Of the policies: one per token, or the geometric mean over a turn, as GSPO has it over a sequence. One per
    episode is not offered: it gives all turns of an episode the same credit."""
    clip_low: Positive = 0.2
    clip_high: Positive = 0.28
    delta: Annotated[float, Field(gt=1)] | None = None
    """Upper bound of the ratio where the advantage is negative (dual clip)."""
    kl: NonNegative = 0.0
    """Weight of the divergence from the model that the training began with."""

    @model_validator(mode="after")
    def _lets_the_ratio_be_one(self) -> Self:
        if self.type == "cispo" and self.clip_high < 1.0:
            raise ValueError(
                f"loss.clip_high is {self.clip_high:g}, which cispo bounds the ratio itself by; give 1 or more, e.g. 5"
            )
        return self


class Band(Section):
    """Leaves out what another policy might have written (`RejectionBand`)."""

    against: Literal["sampling", "stale", "both"] = "sampling"
    """Whose probabilities are compared with those of the trained policy: the sampler's, or its own from before the
    first update of a batch."""
    lower: Positive = 0.999
    upper: Positive = 1.001
    veto: Positive | None = 1e-4
    level: Literal["episode", "turn"] = "episode"
    """What is judged and left out as one."""

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if not self.lower <= 1.0 <= self.upper:
            raise ValueError(f"mismatch.rejection is {self.lower} to {self.upper}; a band has 1 in it")
        return self


class Weights(Section):
    """Weighs the loss by how likely the trained policy is against the sampler, truncated (`truncated_weights`)."""

    level: Level = Level.TOKEN
    upper: Annotated[float, Field(ge=1)] = 2.0
    lower: Share | None = None


class Mismatch(Section):
    """What is done where the probabilities that were sampled from are not those that are trained."""

    rejection: Band | None = None
    weights: Weights | None = None


class OwnWork(Section):
    """PRS: correct turns that leave the work to PyTorch are learned seldom or never (`TurnRejection`)."""

    threshold: Share = 0.3
    softness: Share = 0.1
    share: OwnShare = OwnShare.REPLACED
    level: RejectionLevel = RejectionLevel.TURN
    counted: bool = True
    """Whether rejected turns stay in the baseline of their group."""


class Truncation(Section):
    """Which turns that were cut off at their limit of tokens are not learned from (`TruncationRule`)."""

    mode: Truncated = Truncated.CONDITIONAL
    """`conditional`: a share of those that were not judged wrong and do not repeat themselves; `mask`: all."""
    share: Share = 0.3
    window: Count = 128
    any_period: bool = True
    counted: bool = True


class Selection(Section):
    """Which turns and groups are learned from (`CollectionOptions`)."""

    ties: Ties = Ties.OFF
    """What is done about groups whose returns are all alike: nothing (`"off"`), `skip` or `resample`."""
    rounds: Count = 2
    """How often tied groups are drawn anew at most."""
    tolerance: NonNegative = 1e-6
    """Returns that differ by no more are alike."""
    retry_lost: Annotated[int, Field(ge=0)] = 0
    """How often episodes that were lost to the machine are played again."""
    lost_batches: Annotated[int, Field(ge=0)] = 3
    """After how many batches in a row of which everything was lost the training ends; 0: never."""
    own_work: OwnWork | None = None
    truncation: Truncation | None = None
    """None: turns that were cut off are learned from like others."""


class Diversity(Section):
    """Moves the temperature in stages so that answers stay as different as they were (`DiversityTemperature`)."""

    target: Annotated[float, Field(gt=0, le=1)] | None = None
    tolerance: NonNegative = 0.1
    step: Positive = 0.1
    stage: Count = 20
    settle: Annotated[int, Field(ge=0)] = 5
    least: Positive = 0.6
    greatest: Positive = 1.8


class Curriculum(Section):
    """Thompson sampling of problems whose groups are likely to be mixed (`ThompsonSampler`)."""

    success: str = "correct"
    """`correct`, or `fast:1.2`."""
    turn: Speaking = Speaking.BEST
    """Which turn has to be one."""
    exploration: Share = 0.05
    book: Path | None = None
    """What `kernelgym calibrate --out` wrote; None: nothing is known at first."""


class Confirmation(Section):
    """Explores with prices alone; the rollouts of a group that differ most are judged (`ContrastiveSelection`)."""

    keep: Annotated[int, Field(ge=2)]
    """Rollouts of each group that are judged, and learned from."""
    random_share: Share = 0.5
    """Share of them that is drawn fairly; 1 is unbiased, 0 harmful where prices are wrong."""
    reward: Name = "exploration"
    """By which rollouts are chosen; it has to pay for what is not judged."""
