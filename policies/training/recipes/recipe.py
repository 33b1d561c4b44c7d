"""What `kernelgym train` is told: a recipe, checked whole before anything is loaded.

`algorithm` decides what else there is: `sft` learns from episodes that were kept, `trloo` from episodes that it plays.
GRPO, RLOO and others are estimators of the latter (`advantage.estimator`), not algorithms of their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from policies.training.recipes.recipe_evaluation import Evaluation
from policies.training.recipes.recipe_file import Source, read_as
from policies.training.recipes.recipe_learning import (
    Advantage,
    Confirmation,
    Curriculum,
    Diversity,
    Loss,
    Mismatch,
    Selection,
)  # fmt: skip
from policies.training.recipes.recipe_sections import (
    Data,
    Environment,
    ModelSection,
    RlTrainer,
    Rollout,
    Section,
    SftTrainer,
)
from policies.training.recipes.trl_fields import check_passthrough


class SftRecipe(Section):
    """Supervised learning from the good turns of runs: a cold start for what follows."""

    algorithm: Literal["sft"]
    model: ModelSection
    data: Data
    trainer: SftTrainer
    trl: dict[str, object] = Field(default_factory=dict)
    """Further fields of TRL's `SFTConfig`, as they are called there."""

    @model_validator(mode="after")
    def _passes_through(self) -> Self:
        check_passthrough(self.trl, "SFTConfig")
        return self


class RlRecipe(Section):
    """Reinforcement learning from episodes of several turns, played in the environment."""

    algorithm: Literal["trloo"]
    model: ModelSection
    environment: Environment
    rollout: Rollout
    advantage: Advantage = Advantage()
    loss: Loss = Loss()
    mismatch: Mismatch = Mismatch()
    selection: Selection = Selection()
    curriculum: Curriculum | None = None
    """None: problems in shuffled epochs."""
    diversity: Diversity | None = None
    """None: the temperature stays."""
    confirm: Confirmation | None = None
    """None: every candidate is judged."""
    evaluation: Evaluation | None = None
    """None: there are only the numbers of the batches."""
    trainer: RlTrainer
    trl: dict[str, object] = Field(default_factory=dict)
    """Further fields of TRL's `GRPOConfig`, as they are called there."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        check_passthrough(self.trl, "GRPOConfig")
        if self.loss.type == "vespo" and self.loss.ratio == "turn":
            raise ValueError("loss.type vespo weighs whole episodes by a ratio of its own; set loss.ratio to token")
        lora = self.model.lora
        if lora is not None and lora.dropout and self.trl.get("disable_dropout", True):
            raise ValueError(
                f"model.lora.dropout is {lora.dropout:g}, but the policy that is trained is the one that sampled, "
                "without dropout; set it to 0"
            )
        if self.rollout.turn_tokens > self.rollout.episode_tokens:
            raise ValueError(
                f"rollout.turn_tokens is {self.rollout.turn_tokens}, more than all of an episode's "
                f"{self.rollout.episode_tokens} (rollout.episode_tokens); raise the latter"
            )
        if self.rows % self.trainer.rows_per_device:
            raise ValueError(
                f"trainer.rows_per_device is {self.trainer.rows_per_device}, which does not divide the {self.rows} "
                "rows of a batch (rollout.prompts x rollout.group_size); choose a divisor"
            )
        if self.evaluation is not None and self.confirm is not None:
            raise ValueError(
                "evaluation can't go with confirm, whose evaluator only prices what is played; leave one of them out, "
                "e.g. by evaluation=null"
            )
        if self.evaluation is not None and not self.evaluation.at_start and self.evaluation.every > self.trainer.steps:
            raise ValueError(
                f"evaluation.every is {self.evaluation.every}, but the training has {self.trainer.steps} updates "
                "(trainer.steps): it would never be evaluated; lower it, or set evaluation.at_start to true"
            )
        return self

    @property
    def rows(self) -> int:
        """Episodes of a batch, over all processes."""
        return self.rollout.prompts * self.rollout.group_size


Recipe = SftRecipe | RlRecipe

RECIPE: Final[TypeAdapter[Recipe]] = TypeAdapter(Annotated[Recipe, Field(discriminator="algorithm")])


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Returns the recipe in a YAML file.

    Args:
        path: The file.
        overrides: `key=value` texts that go before it, e.g. `trainer.learning_rate=1e-5`.

    Raises:
        BadUsage: It can't be read, has a missing or unknown key or a value that can't be used; says where.
    """
    return read_as(Source(path, overrides), RECIPE, "algorithm")
