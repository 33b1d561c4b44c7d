"""Reinforcement learning by a recipe: makes the parts, hands them to the trainer, runs it."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

from kernelgym.cli.services import Services
from kernelgym.envs import KernelVectorEnv
from kernelgym.evaluators import CachedEvaluator, Evaluator, PricingEvaluator
from kernelgym.problems import Problem, load_problems
from policies.curriculum import TRAINING, DifficultyBook, ProblemSampler, Success, ThompsonSampler
from policies.diversity import DiversityTemperature
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import DynamicSampling
from policies.training.collecting.rejection import TurnRejection
from policies.training.confirming.confirmer import Confirmer
from policies.training.confirming.contrast import ContrastiveSelection
from policies.training.plans.assessment import Assessment, evaluated_problems, played_problems
from policies.training.plans.geometry import Geometry
from policies.training.plans.plan import Plan
from policies.training.recipes.recipe import RlRecipe
from policies.training.running.journal import Journal, Stop
from policies.training.running.lifecycle import common_arguments, refusals_in_one_line, run, without_noise
from policies.training.running.loading import adapter_config, check_device, load_model, load_tokenizer
from policies.training.running.outcome import RL_NUMBERS
from policies.training.running.output import Output
from policies.training.trainer.processes import Processes
from policies.training.trainer.trloo_config import TRLOOConfig
from policies.training.trainer.trloo_trainer import TRLOOTrainer
from policies.truncation import TruncationRule
from rewards.rejection import RejectionSampling


def train(recipe: RlRecipe, plan: Plan, services: Services, *, resume: bool, as_json: bool) -> int:
    """Trains; returns the exit code.

    Raises:
        KernelGymError: The recipe can't be followed on this machine; says what to change.
        SandboxesError: No candidate can be run on this machine.
    """
    assert plan.geometry is not None  # a plan that is refused is not trained
    check_device(recipe.trainer)
    asked, settings = recipe.environment, services.settings
    output = Output(recipe.trainer.output, recipe, resume=resume)
    problems = [problem.id for problem in load_chosen(recipe)]
    with ExitStack() as stack:
        stack.enter_context(without_noise())
        with refusals_in_one_line():
            config = make_config(recipe, plan.geometry, plan.assessment, resume=resume)
        if config.process_index == 0:
            output.begin(recipe)
        tokenizer = load_tokenizer(recipe.model)
        model = load_model(recipe.model, tokenizer)
        opened = services.at(asked.evaluator).open_evaluator(
            asked.sandbox or settings.sandbox, asked.workers or settings.workers
        )
        evaluator = stack.enter_context(closing(CachedEvaluator(opened) if asked.remember else opened))
        environment = stack.enter_context(closing(make_environment(recipe, plan.geometry, evaluator, services)))
        confirmer = make_confirmer(recipe, evaluator, environment)
        journal = Journal(output, None if confirmer is None else lambda: confirmer.counts.metrics())
        with refusals_in_one_line():
            trainer = TRLOOTrainer(
                model, config, environment=environment, problems=problems,
                eval_problems=evaluated_problems(recipe) or None, collection=collection_options(recipe),
                curriculum=make_curriculum(recipe, problems),
                confirmer=confirmer, peft_config=adapter_config(recipe.model),
                processing_class=tokenizer, callbacks=[journal],
            )  # fmt: skip
        stop = Stop(Processes(trainer.accelerator))
        trainer.add_callback(stop)
        return run(trainer, output, stop, RL_NUMBERS, as_json=as_json)


def make_config(
    recipe: RlRecipe, geometry: Geometry, assessment: Assessment | None, *, resume: bool = False
) -> TRLOOConfig:
    """Returns the trainer's configuration.

    Args:
        recipe: What is to be done.
        geometry: Of its batches.
        assessment: Of its evaluations.
        resume: Whether it goes on from a checkpoint, beyond the evaluation at the start.

    Raises:
        BadUsage, ValueError: TRL or the trainer refuses a combination.
    """
    rollout, advantage, loss, trainer = recipe.rollout, recipe.advantage, recipe.loss, recipe.trainer
    band, weights = recipe.mismatch.rejection, recipe.mismatch.weights
    arguments: dict[str, Any] = common_arguments(trainer) | {
        "max_steps": trainer.steps,
        "steps_per_generation": geometry.micro_batches,
        "gradient_accumulation_steps": geometry.accumulation,
        "num_generations": rollout.group_size,
        "num_iterations": trainer.passes,
        "max_completion_length": rollout.episode_tokens,
        "max_turn_length": rollout.turn_tokens,
        "min_turn_length": rollout.least_tokens,
        "vllm_max_model_length": rollout.context,
        "sampling_batch_size": rollout.batch,
        "overlap": rollout.overlap,
        "temperature": rollout.temperature,
        "estimator": str(advantage.estimator),
        "gamma": advantage.gamma,
        "alone": str(advantage.alone),
        "ended": str(advantage.ended),
        "ebpo_prior": advantage.prior,
        "loss_type": loss.type,
        "importance_sampling_level": loss.ratio,
        "epsilon": loss.clip_low,
        "epsilon_high": loss.clip_high,
        "delta": loss.delta,
        "beta": loss.kl,
        "log_completions": trainer.log_completions,
        "num_completions_to_print": 0,
    }
    if recipe.evaluation is not None and assessment is not None:
        arguments |= {
            "eval_strategy": "steps", "eval_steps": recipe.evaluation.every,
            "eval_on_start": recipe.evaluation.at_start and not resume,
            "num_generations_eval": recipe.evaluation.episodes,
            "per_device_eval_batch_size": assessment.rows_per_device,
        }  # fmt: skip
    if band is not None:
        arguments |= {
            "rejection": band.against, "rejection_lower": band.lower, "rejection_upper": band.upper,
            "rejection_veto": band.veto, "rejection_level": band.level,
        }  # fmt: skip
    if weights is not None:
        arguments |= {
            "sampling_weights": str(weights.level), "sampling_weights_max": weights.upper,
            "sampling_weights_min": weights.lower,
        }  # fmt: skip
    return TRLOOConfig(**arguments | recipe.trl)


def collection_options(recipe: RlRecipe) -> CollectionOptions:
    """Returns which turns and groups are learned from."""
    chosen, own = recipe.selection, recipe.selection.own_work
    rejection = None
    if own is not None:
        rule = RejectionSampling(
            threshold=own.threshold, softness=own.softness, share=own.share, seed=recipe.trainer.seed
        )
        rejection = TurnRejection(rule=rule, level=own.level, counted=own.counted)
    options: dict[str, Any] = {}
    if recipe.curriculum is not None:
        options = {"success": Success.parse(recipe.curriculum.success), "speaking": recipe.curriculum.turn}
    if chosen.truncation is not None:
        options["truncation"] = TruncationRule(**chosen.truncation.model_dump(), seed=recipe.trainer.seed)
    if recipe.diversity is not None:
        options["diversity"] = DiversityTemperature(**recipe.diversity.model_dump())
    return CollectionOptions(
        dynamic_sampling=DynamicSampling(ties=chosen.ties, rounds=chosen.rounds, tolerance=chosen.tolerance),
        rejection=rejection, retry_lost=chosen.retry_lost, lost_batches=chosen.lost_batches, **options,
    )  # fmt: skip


def make_curriculum(recipe: RlRecipe, problems: list[str]) -> ProblemSampler | None:
    """Returns what chooses the problems; None: they are gone through in shuffled epochs."""
    asked = recipe.curriculum
    if asked is None:
        return None
    if asked.book is None:
        book = DifficultyBook(problems, forgetting=TRAINING, success=asked.success)
    else:
        record = DifficultyBook.load(asked.book).record()
        fading = {"per_step": TRAINING.per_step, "per_group": TRAINING.per_group}
        known = {problem: seen for problem, seen in record.problems.items() if problem in problems}
        book = DifficultyBook.of(record.model_copy(update={"problems": known} | fading))
        book.add(problems)
    return ThompsonSampler(book, recipe.trainer.seed, exploration=asked.exploration)


def make_confirmer(recipe: RlRecipe, evaluator: Evaluator, environment: KernelVectorEnv) -> Confirmer | None:
    """Returns what judges the chosen rollouts; None: all of them are judged as they are played."""
    asked = recipe.confirm
    if asked is None:
        return None
    select = ContrastiveSelection(keep=asked.keep, random_share=asked.random_share, seed=recipe.trainer.seed)
    problems = {problem.id: problem for problem in load_chosen(recipe)}
    return Confirmer(
        evaluator, select=select, config=environment.rules.config, reward=recipe.environment.reward,
        gamma=recipe.advantage.gamma, find=problems.__getitem__,
    )  # fmt: skip


def load_chosen(recipe: RlRecipe) -> Sequence[Problem]:
    """Returns the problems that are played."""
    asked = recipe.environment
    return load_problems(asked.problems, tags=asked.tags, levels=asked.levels, difficulties=asked.difficulties).problems


def make_environment(recipe: RlRecipe, geometry: Geometry, evaluator: Evaluator, services: Services) -> KernelVectorEnv:
    """Returns the environment of this process, with a seat for each of its episodes."""
    asked, confirm = recipe.environment, recipe.confirm
    seats = geometry.rows // geometry.processes
    if confirm is not None:
        evaluator = PricingEvaluator(evaluator)
    known: dict[str, Any] = {
        "problems": asked.problems, "tags": asked.tags, "levels": asked.levels, "difficulties": asked.difficulties,
    }  # fmt: skip
    if recipe.evaluation is not None:
        known = {"problems": played_problems(recipe)}
    return KernelVectorEnv(
        seats, evaluator=evaluator, **known, max_turns=asked.turns, target_speedup=asked.target_speedup,
        reward=asked.reward if confirm is None else confirm.reward, style=asked.style,
        feedback_tokens=asked.feedback_tokens, allow_submit=asked.submit, history="full",
        target=asked.target or services.settings.target, precision=str(asked.precision),
    )  # fmt: skip
