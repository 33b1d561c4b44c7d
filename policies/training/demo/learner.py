"""A process of the demo that trains and assesses, one run after the other; its runs go through `kernelgym train`."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.evaluators import Evaluator
from policies.training.demo.results import Episode, Run
from policies.training.demo.shared import RemoteEvaluator

RESULT: Final = "result.json"
LOG: Final = "learner.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One run; without an estimator, nothing is trained and the cold start is assessed."""

    estimator: str | None
    seed: int
    overrides: tuple[str, ...]
    """Of the recipe."""
    model: Path
    """Of the cold start."""
    output: Path
    episodes: int
    """Of each problem, in the assessment."""


def learn(lessons: Sequence[Lesson], recipe: Path, evaluator: RemoteEvaluator) -> None:
    """Runs all lessons and writes `result.json` into the folder of each; what is said goes to a log beside it."""
    import torch  # noqa: PLC0415 - takes seconds, and the other functions here do without

    torch.set_num_threads(1)  # two of these processes share two cores
    for lesson in lessons:
        lesson.output.mkdir(parents=True, exist_ok=True)
        log = os.open(lesson.output / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        run = _taught(lesson, recipe, evaluator)
        part = lesson.output / (RESULT + ".part")
        part.write_text(run.model_dump_json(), encoding="utf-8")
        part.rename(lesson.output / RESULT)


def read_curve(metrics: Path) -> tuple[float, ...]:
    """Returns the mean reward of a turn in each batch of a training that has begun; half a last line is left out."""
    curve = []
    if metrics.exists():
        for line in metrics.read_text(encoding="utf-8").splitlines():
            try:
                numbers = json.loads(line)
            except ValueError:
                break
            if "episode/return" in numbers:
                curve.append(numbers["episode/return"] / numbers["episode/turns"])
    return tuple(curve)


def trained(lesson: Lesson, recipe: Path, evaluator: RemoteEvaluator) -> tuple[Path, tuple[float, ...]]:
    """Trains as a lesson says, and returns the folder of the model and the learning curve."""
    from kernelgym.cli.services import Services  # noqa: PLC0415 - loads torch
    from kernelgym.settings import Settings  # noqa: PLC0415 - as above
    from policies.training.running import command  # noqa: PLC0415 - as above

    if lesson.estimator is None:
        return lesson.model, ()
    services = Services(settings=Settings.from_environment(os.environ), open_evaluator=lambda *_: evaluator)
    options = command.Options(
        recipe=recipe, overrides=lesson.overrides, dry_run=False, resume=False, processes=None, evaluation_s=None,
        json=False,
    )  # fmt: skip
    code = command.run(options, services)
    if code:
        raise SystemExit(int(code))
    return lesson.output / "training" / "model", read_curve(lesson.output / "training" / "metrics.jsonl")


def assessed(
    model: Path,
    recipe: Path,
    overrides: Sequence[str],
    evaluator: Evaluator,
    *,
    episodes: int,
    seed: int,
    device: str = "cpu",
) -> tuple[Episode, ...]:
    """Returns how a model plays by a recipe; see `assessment.assess`."""
    from policies.training.demo.assessment import assess  # noqa: PLC0415 - loads torch
    from policies.training.recipes.recipe import RlRecipe, load_recipe  # noqa: PLC0415 - as above

    loaded = load_recipe(recipe, overrides)
    assert isinstance(loaded, RlRecipe)
    return tuple(assess(model, loaded, evaluator, episodes=episodes, seed=seed, device=device))


def _taught(lesson: Lesson, recipe: Path, evaluator: RemoteEvaluator) -> Run:
    model, curve = trained(lesson, recipe, evaluator)
    episodes = assessed(model, recipe, lesson.overrides, evaluator, episodes=lesson.episodes, seed=lesson.seed)
    return Run(estimator=lesson.estimator, seed=lesson.seed, curve=curve, episodes=episodes)
