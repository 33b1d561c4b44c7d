"""What a recipe will do, before it does it: batches, memory, evaluations; what is refused, and what deserves a look."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from kernelgym.envs.styles import get_style
from kernelgym.errors import KernelGymError
from kernelgym.problems import load_problems
from kernelgym.settings import Settings
from policies.training.plans.assessment import Assessment, make_assessment
from policies.training.plans.geometry import Geometry, rl_geometry, sft_geometry
from policies.training.plans.memory import Memory, estimate_memory
from policies.training.plans.model_shape import count_lora, count_parameters, find_shape
from policies.training.recipes.published import Difference, differences
from policies.training.recipes.recipe import Recipe, RlRecipe, SftRecipe
from policies.training.recipes.recipe_learning import Mismatch
from policies.training.recipes.trl_fields import field_names
from rewards import RewardsError, get_reward
from sandboxes.contracts import Diagnostic, EvalConfig, Stage
from sandboxes.errors import SandboxesError
from sandboxes.extraction import report_without_code
from sandboxes.hardware.targets import get_target

Value = TypeVar("Value")

EVALUATION_S: Final = 0.76
"""Median time of one evaluation of a correct core solution on one core; docs/benchmarks.md."""

PROMPT_TOKENS: Final = 2000
"""What the first prompt is taken to have: that of no core problem has more in the style `compact`, by estimate."""

COARSE_RATE: Final = 1e-5
"""Learning rate below which bfloat16 weights lose most steps in rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """What a batch asks of the evaluator, at most; without lost episodes, which are played again."""

    per_batch: int
    """Of the episodes as first played."""
    drawn_anew: int
    """Beyond these, if all groups tie in all rounds of `selection.ties: resample`."""
    seconds_each: float
    at_a_time: int
    """Over all processes."""

    @property
    def seconds(self) -> float:
        """Wall time of those first played if the workers are always busy; it overlaps with sampling."""
        return self.per_batch * self.seconds_each / self.at_a_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The resolved recipe in numbers."""

    recipe: Recipe
    model_here: bool
    parameters: int | None
    """None: nobody knows; the model is not here, and the recipe has no `model.shape`."""
    trained: int | None
    row_tokens: int
    """Of the longest row."""
    geometry: Geometry | None
    """None: it is refused."""
    memory: Memory | None
    problems: int | None
    evaluations: Evaluations | None
    assessment: Assessment | None = None
    """None: there are no evaluations of the policy."""
    differences: tuple[Difference, ...] = ()
    """From Dr.Kernel's published values."""
    refused: tuple[str, ...] = ()
    """Why it can't start."""
    cautions: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns the plan as JSON data."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "model": {"here": self.model_here, "parameters": self.parameters, "trained": self.trained},
            "row_tokens": self.row_tokens,
            "batch": None if self.geometry is None else asdict(self.geometry),
            "memory_bytes_estimated": None if self.memory is None else asdict(self.memory) | {"peak": self.memory.peak},
            "problems": self.problems,
            "evaluations": None
            if self.evaluations is None
            else asdict(self.evaluations) | {"seconds": self.evaluations.seconds},
            "evaluation": None if self.assessment is None else asdict(self.assessment),
            "differs_from_drkernel": [asdict(difference) for difference in self.differences],
            "refused": list(self.refused),
            "cautions": list(self.cautions),
        }


def make_plan(recipe: Recipe, settings: Settings, *, processes: int = 1, evaluation_s: float = EVALUATION_S) -> Plan:
    """Returns what a recipe comes to. What can't start is told in `refused`, all of it at once.

    Args:
        recipe: What is to be done.
        settings: Of this machine.
        processes: Of the training.
        evaluation_s: Time of one evaluation, seconds.
    """
    known = find_shape(recipe.model)
    refused: list[str] = []
    geometry = _tried(refused, lambda: _geometry(recipe, processes))
    context = None if known.shape is None else known.shape.context
    row = _row_tokens(recipe, context)
    problems = _tried(refused, lambda: _problems(recipe))
    assessment = _tried(refused, lambda: _assessment(recipe, settings, processes, evaluation_s))
    parameters = None if known.shape is None else count_parameters(known.shape)
    lora = recipe.model.lora
    trained = parameters if lora is None or known.shape is None else count_lora(known.shape, lora.rank)
    memory = None
    if known.shape is not None and geometry is not None:
        memory = estimate_memory(
            recipe.model, known.shape, row_tokens=row, rows=geometry.rows_per_device,
            sampled_rows=_sampled_rows(recipe, processes, assessment),
            autocast=recipe.trainer.autocast, checkpointing=recipe.trainer.gradient_checkpointing,
            reference=isinstance(recipe, RlRecipe) and recipe.loss.kl > 0,
        )  # fmt: skip
    return Plan(
        recipe=recipe, model_here=known.found_at is not None, parameters=parameters, trained=trained, row_tokens=row,
        geometry=geometry, memory=memory, problems=problems,
        evaluations=_evaluations(recipe, settings, processes, evaluation_s), assessment=assessment,
        differences=differences(recipe), refused=tuple(dict.fromkeys([*refused, *_refusals(recipe, context)])),
        cautions=(*_cautions(recipe, known.found_at is not None, parameters), *_cautions_of_evaluation(assessment)),
    )  # fmt: skip


def _geometry(recipe: Recipe, processes: int) -> Geometry:
    if isinstance(recipe, SftRecipe):
        return sft_geometry(recipe, processes)
    return rl_geometry(recipe, processes)


def _problems(recipe: Recipe) -> int | None:
    if isinstance(recipe, SftRecipe):
        return None
    asked = recipe.environment
    loaded = load_problems(asked.problems, tags=asked.tags, levels=asked.levels, difficulties=asked.difficulties)
    return len(loaded.problems)


def _row_tokens(recipe: Recipe, context: int | None) -> int:
    """Returns the length of the longest row that can come about."""
    if isinstance(recipe, SftRecipe):
        return recipe.data.max_tokens
    limits = [recipe.rollout.context, context, PROMPT_TOKENS + recipe.rollout.episode_tokens]
    return min(limit for limit in limits if limit is not None)


def _assessment(recipe: Recipe, settings: Settings, processes: int, seconds: float) -> Assessment | None:
    if isinstance(recipe, SftRecipe):
        return None
    workers = recipe.environment.workers or settings.workers
    return make_assessment(recipe, processes, evaluation_s=seconds, workers=workers)


def _sampled_rows(recipe: Recipe, processes: int, assessment: Assessment | None) -> int:
    """Returns how many episodes a process samples together; none where another engine does it."""
    if isinstance(recipe, SftRecipe) or recipe.trl.get("use_vllm"):
        return 0
    rows = max(recipe.rows // processes, 0 if assessment is None else assessment.rows_per_device)
    return min(rows, recipe.rollout.batch or rows)


def _evaluations(recipe: Recipe, settings: Settings, processes: int, seconds: float) -> Evaluations | None:
    if isinstance(recipe, SftRecipe):
        return None
    workers = recipe.environment.workers or settings.workers
    per_batch = recipe.rows * recipe.environment.turns
    rounds = recipe.selection.rounds if recipe.selection.ties == "resample" else 0
    return Evaluations(
        per_batch=per_batch, drawn_anew=per_batch * rounds, seconds_each=seconds, at_a_time=workers * processes
    )


def _refusals(recipe: Recipe, context: int | None) -> list[str]:
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
    _tried(found, lambda: get_reward(asked.reward))
    if recipe.confirm is not None:
        chosen = recipe.confirm.reward
        _tried(found, lambda: get_reward(chosen))
    _tried(found, lambda: get_style(asked.style))
    if asked.target is not None:
        target = asked.target
        _tried(found, lambda: get_target(target))
    if recipe.rollout.context is not None and context is not None and recipe.rollout.context > context:
        found.append(f"rollout.context is {recipe.rollout.context}, but the model holds {context}; lower it")
    return found


def _cautions(recipe: Recipe, here: bool, parameters: int | None) -> list[str]:
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


def _cautions_of_evaluation(assessment: Assessment | None) -> list[str]:
    if assessment is None or not assessment.trained:
        return []
    return [
        f"{assessment.trained} of the {assessment.problems} problems of evaluation.problems are trained on, too: by "
        "these, nobody sees what carries over to others; give some that are not in environment.problems"
    ]


def _of_failure(reward: str) -> float:
    """Returns what a turn without code earns; 0 if there is no such reward, which is told elsewhere."""
    try:
        scorer = get_reward(reward)
    except RewardsError:
        return 0.0
    nothing = Diagnostic(stage=Stage.EXTRACT, message="no code")
    return scorer(report_without_code(nothing, "", EvalConfig()), ()).value or 0.0


def _tried(refused: list[str], make: Callable[[], Value]) -> Value | None:
    """Returns what `make` makes; if it can't be made, None, and why."""
    try:
        return make()
    except (KernelGymError, RewardsError, SandboxesError) as error:
        refused.append(str(error))
        return None
