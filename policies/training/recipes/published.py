"""The hyper-parameters that Dr.Kernel published for its 8B and 14B models, and where a recipe has others.

Source:
    The scripts and configuration of hkust-nlp/KernelGYM at 3a84417, and arXiv 2602.05885.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.training.recipes.recipe import Recipe, SftRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that is not the published one."""

    key: str
    published: str
    here: str


RL: Final[Mapping[str, Any]] = {
    "rollout.prompts": 16,
    "rollout.group_size": 16,
    "rollout.turn_tokens": 8192,
    "rollout.context": 18432,
    "rollout.temperature": 1.0,
    "environment.turns": 3,
    "environment.target_speedup": None,
    "environment.submit": False,
    "environment.style": "drkernel",
    "environment.reward": "drkernel_released",
    "advantage.estimator": "trloo",
    "advantage.gamma": 1.0,
    "advantage.alone": "raw",
    "advantage.ended": "absent",
    "loss.type": "dr_grpo",
    "loss.clip_low": 0.2,
    "loss.clip_high": 0.28,
    "loss.delta": 3.0,
    "loss.kl": 0.0,
    "mismatch.rejection.lower": 0.999,
    "mismatch.rejection.upper": 1.001,
    "mismatch.rejection.veto": 1e-4,
    "mismatch.rejection.level": "episode",
    "selection.ties": "resample",
    "selection.own_work.threshold": 0.3,
    "selection.own_work.softness": 0.1,
    "selection.own_work.share": "coverage",
    "selection.own_work.level": "turn",
    "curriculum": None,
    "confirm": None,
    "evaluation.every": 10,
    "evaluation.episodes": 8,
    "evaluation.at_start": True,
    "trainer.learning_rate": 1e-6,
    "trainer.updates_per_batch": 1,
    "trainer.passes": 1,
    "trainer.max_grad_norm": 1.0,
    "trainer.steps": 300,
    "trainer.save_steps": 10,
}
"""Of the reinforcement learning. `dr_grpo` stands for the sum over tokens divided by a constant, 1000 there."""

SFT: Final[Mapping[str, Any]] = {
    "trainer.learning_rate": 1e-6,
    "trainer.batch": 256,
    "trainer.epochs": 4.0,
    "data.max_tokens": 18432,
}
"""Of the cold start, as the paper has it; the released script says 2e-5 and 64."""


def differences(recipe: Recipe) -> tuple[Difference, ...]:
    """Returns where a recipe is not what was published, in the order of its sections."""
    known = SFT if isinstance(recipe, SftRecipe) else RL
    return tuple(
        Difference(key=key, published=_text(value), here=_text(_at(recipe, key)))
        for key, value in known.items()
        if _at(recipe, key) != value
    )


def _at(recipe: Recipe, key: str) -> Any:
    """Returns the value at a dotted key; None where its section is off."""
    value: Any = recipe
    for name in key.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _text(value: Any) -> str:
    if value is None:
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
