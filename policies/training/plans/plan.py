"""What a recipe will do, before it does it: batches, memory, evaluations."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from kernelgym.problems import load_problems
from kernelgym.settings import Settings
from policies.training.plans.assessment import Assessment, make_assessment
from policies.training.plans.geometry import Geometry, rl_geometry, sft_geometry
from policies.training.plans.memory import Memory, estimate_memory
from policies.training.plans.model_shape import count_lora, count_parameters, find_shape
from policies.training.plans.objections import cautions, cautions_of_evaluation, refusals, tried
from policies.training.recipes.published import Difference, differences
from policies.training.recipes.recipe import Recipe, RlRecipe, SftRecipe

EVALUATION_S: Final = 0.76
"""Median time of one evaluation of a correct core solution on one core; docs/benchmarks.md."""

PROMPT_TOKENS: Final = 2000
"""What the first prompt is taken to have: that of no core problem has more in the style `compact`, by estimate."""


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
    geometry = tried(refused, lambda: _geometry(recipe, processes))
    context = None if known.shape is None else known.shape.context
    row = _row_tokens(recipe, context)
    problems = tried(refused, lambda: _problems(recipe))
    assessment = tried(refused, lambda: _assessment(recipe, settings, processes, evaluation_s))
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
        differences=differences(recipe), refused=tuple(dict.fromkeys([*refused, *refusals(recipe, context)])),
        cautions=(*cautions(recipe, known.found_at is not None, parameters), *cautions_of_evaluation(assessment)),
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
