"""What is wrong with a recipe that can be read: what ends it at its start, and what can start but deserves a look."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, TypeVar

from kernelgym.envs.styles import get_style
from kernelgym.errors import KernelGymError
from policies.training.plans.assessment import Assessment
from policies.training.recipes.recipe import Recipe, SftRecipe
from policies.training.recipes.recipe_learning import Mismatch
from policies.training.recipes.trl_fields import field_names
from rewards import RewardsError, get_reward
from sandboxes.contracts import Diagnostic, EvalConfig, Stage
from sandboxes.errors import SandboxesError
from sandboxes.extraction import report_without_code
from sandboxes.hardware.targets import get_target

Value = TypeVar("Value")

COARSE_RATE: Final = 1e-5
"""Learning rate below which bfloat16 weights lose most steps in rounding."""


def refusals(recipe: Recipe, context: int | None) -> list[str]:
    """Returns what would end the training at its start, beside what a recipe can't even say."""
    found: list[str] = []
    if field_names("GRPOConfig") is None:
        found.append("training needs the packages of the extra train; `pip install 'kernelgym[train]'` installs them")
    for package in recipe.trainer.report_to:
        if find_spec(package) is None:
            found.append(f"trainer.report_to names {package}, which is not installed; `pip install {package}` does it")
    if isinstance(recipe, SftRecipe):
        if context is not None and recipe.data.max_tokens > context:
            found.append(f"data.max_tokens is {recipe.data.max_tokens}, but the model holds {context}; lower it")
        made = dict.fromkeys(recipe.data.runs, "kernelgym run --out")
        made |= dict.fromkeys(recipe.data.files, "kernelgym export RUN --format sft --out")
        found += [
            f"{path} (data) is not there; `{command} {path}` makes it"
            for path, command in made.items()
            if not path.exists()
        ]
        return found
    asked = recipe.environment
    tried(found, lambda: get_reward(asked.reward))
    if recipe.confirm is not None:
        chosen = recipe.confirm.reward
        tried(found, lambda: get_reward(chosen))
    tried(found, lambda: get_style(asked.style))
    if asked.target is not None:
        target = asked.target
        tried(found, lambda: get_target(target))
    if recipe.rollout.context is not None and context is not None and recipe.rollout.context > context:
        found.append(f"rollout.context is {recipe.rollout.context}, but the model holds {context}; lower it")
    return found


def cautions(recipe: Recipe, here: bool, parameters: int | None) -> list[str]:
    """Returns what can start, but hardly as it was meant."""
    found = []
    if not here:
        how = "it will be downloaded" if recipe.model.download else "give a folder, or model.download=true"
        numbers = "numbers are those of model.shape" if parameters else "without model.shape, nothing is known of it"
        found.append(f"the model {recipe.model.path} is not on this machine: {how}; {numbers}")
    if recipe.model.dtype == "bfloat16" and recipe.model.lora is None and recipe.trainer.learning_rate < COARSE_RATE:
        found.append(
            f"bfloat16 weights lose most steps of the learning rate {recipe.trainer.learning_rate:g} in rounding; "
            "model.dtype=float32 with trainer.autocast keeps them"
        )
    if isinstance(recipe, SftRecipe):
        return found
    turns, budget = recipe.environment.turns, recipe.rollout
    earlier = (turns - 1) * (budget.turn_tokens + recipe.environment.feedback_tokens)
    room = budget.least_tokens or budget.turn_tokens
    if earlier + room > budget.episode_tokens:
        found.append(
            f"{turns} turns of rollout.turn_tokens={budget.turn_tokens} and feedback may take "
            f"{earlier + budget.turn_tokens} tokens, but rollout.episode_tokens is {budget.episode_tokens}: long "
            f"episodes end before their last turn, which is not begun with less than {room} tokens of room; a lower "
            "rollout.least_tokens begins more of them, a higher rollout.episode_tokens has room for all"
        )
    if (least := _of_failure(recipe.environment.reward)) < 0 and turns > 1:
        found.append(
            f"a turn without code earns {least:g}: an episode that ends early, by its tokens or a SUBMIT, is worth "
            "more than one that goes on failing, and that is what is learned; choose a reward that is never negative"
        )
    if recipe.trl.get("use_vllm") and find_spec("vllm") is None:
        found.append("trl.use_vllm needs vLLM, which is not installed here; `pip install 'trl[vllm]'` installs it")
    if recipe.trl.get("use_vllm") and recipe.mismatch == Mismatch():
        found.append(
            "vLLM and the trainer disagree about probabilities; mismatch.rejection leaves such episodes out, "
            "mismatch.weights weighs tokens"
        )
    if recipe.selection.own_work is not None and not recipe.selection.own_work.counted:
        found.append(
            "selection.own_work.counted is false: who is compared depends on rewards, so no baseline is unbiased"
        )
    if recipe.trainer.updates_per_batch * recipe.trainer.passes == 1 and recipe.loss.delta is not None:
        found.append("one update per batch is on-policy: the ratio is 1, and clip_low, clip_high and delta never act")
    return found


def cautions_of_evaluation(assessment: Assessment | None) -> list[str]:
    """Returns what the evaluations of a training can't show."""
    if assessment is None or not assessment.trained:
        return []
    return [
        f"{assessment.trained} of the {assessment.problems} problems of evaluation.problems are trained on, too: by "
        "these, nobody sees what carries over to others; give some that are not in environment.problems"
    ]


def tried(refused: list[str], make: Callable[[], Value]) -> Value | None:
    """Returns what `make` makes; if it can't be made, None, and why."""
    try:
        return make()
    except (KernelGymError, RewardsError, SandboxesError) as error:
        refused.append(str(error))
        return None


def _of_failure(reward: str) -> float:
    """Returns what a turn without code earns; 0 if there is no such reward, which is told elsewhere."""
    try:
        scorer = get_reward(reward)
    except RewardsError:
        return 0.0
    nothing = Diagnostic(stage=Stage.EXTRACT, message="no code")
    return scorer(report_without_code(nothing, "", EvalConfig()), ()).value or 0.0
