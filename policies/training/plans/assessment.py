"""What the evaluations of a policy during its training take: all episodes of one are played and counted together."""

from dataclasses import dataclass

from kernelgym.errors import BadUsage
from kernelgym.problems import load_problems
from policies.training.recipes.recipe import RlRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The evaluations of a training."""

    problems: int
    trained: int
    """Of these, how many are trained on, too."""
    rows: int
    """Episodes of one evaluation, over all processes."""
    rows_per_device: int
    """TRL's `per_device_eval_batch_size`: all of a process, so that means are over whole evaluations."""
    turns: int
    """That are evaluated, at most, each time."""
    times: int
    seconds: float
    """Wall time of each if the workers are always busy; it overlaps with sampling."""


def make_assessment(recipe: RlRecipe, processes: int, *, evaluation_s: float, workers: int) -> Assessment | None:
    """Returns what the evaluations come to; None: there are none.

    Args:
        recipe: Of the training.
        processes: Of the training.
        evaluation_s: Time of one turn's evaluation, seconds.
        workers: Evaluations at a time, per process.

    Raises:
        BadUsage: The episodes can't be spread evenly, or there is another problem of the same id in the training.
        KernelGymError: The selection names nothing.
    """
    asked = recipe.evaluation
    if asked is None:
        return None
    problems = evaluated_problems(recipe)
    rows = len(problems) * asked.episodes
    if rows % processes:
        raise BadUsage(
            f"the {rows} episodes of an evaluation ({len(problems)} problems of evaluation.problems x "
            f"evaluation.episodes={asked.episodes}) can't be spread over {processes} processes; choose a multiple of "
            f"{processes}"
        )
    load_problems(played_problems(recipe))
    environment = recipe.environment
    trained = load_problems(
        environment.problems, tags=environment.tags, levels=environment.levels, difficulties=environment.difficulties
    )
    turns = rows * environment.turns
    return Assessment(
        problems=len(problems), trained=len({problem.id for problem in trained.problems} & set(problems)), rows=rows,
        rows_per_device=rows // processes, turns=turns, times=recipe.trainer.steps // asked.every + asked.at_start,
        seconds=turns * evaluation_s / (workers * processes),
    )  # fmt: skip


def evaluated_problems(recipe: RlRecipe) -> list[str]:
    """Returns the ids of the problems of an evaluation; none if there is no evaluation."""
    if recipe.evaluation is None:
        return []
    return [problem.id for problem in load_problems(recipe.evaluation.problems).problems]


def played_problems(recipe: RlRecipe) -> str:
    """Returns the selection of all that a training with evaluations plays; filters are for what is trained on."""
    assert recipe.evaluation is not None
    return f"{recipe.environment.problems},{recipe.evaluation.problems}"
