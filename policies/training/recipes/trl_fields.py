"""The names of the fields of TRL's configurations, read from its source: importing it takes seconds, and may lack."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kernelgym.errors import did_you_mean

FILES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "GRPOConfig": (("trl", "trainer/grpo_config.py"),),
    "SFTConfig": (("trl", "trainer/sft_config.py"),),
}
"""By class: packages and files that declare its fields, without those of its bases."""

BASES: Final = (("trl", "trainer/base_config.py"), ("transformers", "training_args.py"))

OURS: Final = {
    "learning_rate": "trainer.learning_rate",
    "max_steps": "trainer.steps",
    "num_train_epochs": "trainer.epochs",
    "output_dir": "trainer.output",
    "per_device_train_batch_size": "trainer.rows_per_device",
    "gradient_accumulation_steps": "trainer.updates_per_batch (or trainer.batch)",
    "steps_per_generation": "trainer.updates_per_batch",
    "generation_batch_size": "rollout.prompts and rollout.group_size",
    "num_generations": "rollout.group_size",
    "num_iterations": "trainer.passes",
    "max_completion_length": "rollout.episode_tokens",
    "max_length": "data.max_tokens",
    "temperature": "rollout.temperature",
    "importance_sampling_level": "loss.ratio",
    "vllm_importance_sampling_correction": "mismatch.weights",
    "beta": "loss.kl",
    "epsilon": "loss.clip_low",
    "epsilon_high": "loss.clip_high",
    "delta": "loss.delta",
    "loss_type": "loss.type",
    "lr_scheduler_type": "trainer.schedule",
    "warmup_steps": "trainer.warmup_steps",
    "weight_decay": "trainer.weight_decay",
    "max_grad_norm": "trainer.max_grad_norm",
    "bf16": "trainer.autocast",
    "gradient_checkpointing": "trainer.gradient_checkpointing",
    "use_cpu": "trainer.cpu",
    "seed": "trainer.seed",
    "save_steps": "trainer.save_steps",
    "save_total_limit": "trainer.keep",
    "log_completions": "trainer.log_completions",
    "report_to": "trainer.report_to",
    "do_eval": "evaluation",
    "eval_strategy": "evaluation.every",
    "eval_steps": "evaluation.every",
    "eval_on_start": "evaluation.at_start",
    "num_generations_eval": "evaluation.episodes",
    "per_device_eval_batch_size": "evaluation.problems and evaluation.episodes",
}
"""Fields that a recipe has a key of its own for."""

WHOLE: Final = "actions are drawn from the whole distribution, which is the one that is trained"
SAMPLER: Final = "episodes are played by the environment's own sampler"

FIXED: Final = {
    "scale_rewards": "advantages are ours; choose advantage.estimator",
    "mask_truncated_completions": "it would drop every episode that ends in the environment's words; see selection",
    "reward_weights": "the environment's reward is one number; see environment.reward",
    "multi_objective_aggregation": "the environment's reward is one number; see environment.reward",
    "max_tool_calling_iterations": "there are no tools; see environment.turns",
    **dict.fromkeys(("top_p", "top_k", "min_p", "repetition_penalty", "generation_kwargs"), WHOLE),
    **dict.fromkeys(("cache_implementation", "use_transformers_continuous_batching"), SAMPLER),
    "assistant_only_loss": "it is always so",
    "completion_only_loss": "it is always so",
    "packing": "rows would see each other's kernels",
    "remove_unused_columns": "the trainer needs them",
}
"""Fields that can't be given, and why."""


def check_passthrough(given: Iterable[str], config: str) -> None:
    """Checks that a recipe's `trl` section has only names that are TRL's and have no key in the recipe.

    Raises:
        ValueError: One of them is not, or has one. Where TRL is not installed, what it knows can't be checked.
    """
    for name in given:
        if name in OURS:
            raise ValueError(f"trl.{name} has a key of its own in a recipe; give {OURS[name]}")
        if name in FIXED:
            raise ValueError(f"trl.{name} can't be given: {FIXED[name]}")
        known = field_names(config)
        if known is not None and name not in known:
            remedy = did_you_mean(name, known) or "see the documentation of TRL"
            raise ValueError(f"trl.{name} is no field of TRL's {config}; {remedy}")


@cache
def field_names(config: str) -> frozenset[str] | None:
    """Returns the fields of a configuration; None if TRL is not installed."""
    found: set[str] = set()
    for package, file in (*FILES[config], *BASES):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return None
        source = (Path(spec.origin).parent / file).read_text(encoding="utf-8")
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.ClassDef):
                found |= {
                    part.target.id
                    for part in statement.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                }
    return frozenset(found)
