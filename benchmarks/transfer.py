"""Does what a policy learns from one target's modelled rewards hold for other GPUs? `python -m benchmarks.transfer`.

The tiny training task of `make train-demo`: one cold start, then trainings of several lengths, with several seeds, on
the modelled rewards of some targets. Each final policy then plays the same seeded episodes for every target: what it
writes first is the same text everywhere, only the prices differ (what it answers to feedback may differ, too). Told are
Spearman's rank correlation of the policies' mean rewards between targets, the same over single programs (first turns,
those that are correct), and what training for another target costs: the reward of policies that were trained for it,
less that of policies that were not. Takes 20 to 30 minutes on two cores. On a machine with a GPU, `cuda:h200` among the
targets is the one that measures.
"""

import json
import multiprocessing
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Final

import typer
from scipy.stats import spearmanr

from benchmarks.machine import machine
from kernelgym.cli.services import Services
from kernelgym.evaluators import CachedEvaluator
from policies.training.demo.learner import Lesson, assessed, trained
from policies.training.demo.progress import Progress
from policies.training.demo.results import Episode
from policies.training.demo.shared import RemoteEvaluator, SharedEvaluator
from policies.training.demo.story import COLD_START, RECIPES, Size, overrides_of, tell

RECIPE: Final = RECIPES / "tiny-cpu.yaml"
ESTIMATOR: Final = "trloo"
UNTRAINED: Final = "cold start"
CUDA: Final = "cuda:"
"""What a target begins with that is to be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One policy: how it is trained, and for which targets it plays."""

    name: str
    lesson: Lesson
    trained_for: str | None
    steps: int
    scored_for: tuple[str, ...]
    seed: int
    """Of the played episodes: the same for all policies."""


def main(
    out: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path("runs/transfer"),
    results: Annotated[Path | None, typer.Option(help="Where the JSON goes; it is printed anyway.")] = None,
    targets: Annotated[str, typer.Option(help="That policies play for.")] = "h200,a100,l40s,b200",
    trained_for: Annotated[str, typer.Option(help="Whose rewards they are trained on.")] = "h200,l40s",
    steps: Annotated[str, typer.Option(help="Updates of the trainings.")] = "2,5,16",
    seeds: Annotated[int, typer.Option(min=1)] = 2,
    episodes: Annotated[int, typer.Option(min=1, help="Of each problem, for each policy and target.")] = 32,
    processes: Annotated[int, typer.Option(min=1, help="That train and play at the same time.")] = 2,
) -> None:
    """Trains policies for some targets and scores them for all."""
    size = Size(seeds=0, episodes=episodes, processes=processes)
    services = Services.from_environment()
    out = out.absolute()
    tell(out, size, services, Progress())
    chosen = tuple(targets.split(","))
    studies = _studies(
        out, size, tuple(trained_for.split(",")), tuple(map(int, steps.split(","))), range(seeds), chosen
    )
    opened = services.open_evaluator(services.settings.sandbox, processes)
    with closing(CachedEvaluator(opened)) as evaluator, SharedEvaluator(evaluator) as shared:
        _run_all(studies, shared.remote, processes)
    found = summary(
        {each.name: (each.trained_for, each.steps, _played(each)) for each in studies}, chosen
    ) | {"episodes_per_problem": episodes}  # fmt: skip
    text = json.dumps({"machine": machine(), "benchmarks": {"transfer": found}}, indent=2)
    print(text)
    if results is not None:
        results.write_text(text + "\n", encoding="utf-8")


def summary(
    policies: Mapping[str, tuple[str | None, int, Mapping[str, Sequence[Episode]]]], targets: Sequence[str]
) -> dict[str, Any]:
    """Returns what is told, from the episodes that each policy has played for each target.

    Args:
        policies: By name: the target it was trained for, for how many steps, and its episodes by target.
        targets: The first is the one that others are compared with.
    """
    rewards = {
        name: {target: fmean(turn.reward for episode in played[target] for turn in episode.turns) for target in targets}
        for name, (_, _, played) in policies.items()
    }
    longest = max(steps for _, steps, _ in policies.values())
    ready = {name: trained_for for name, (trained_for, steps, _) in policies.items() if steps == longest}
    pairs = [(one, two) for index, one in enumerate(targets) for two in targets[index + 1 :]]
    return {
        "policies": {
            name: {"trained_for": policies[name][0], "steps": policies[name][1], "reward": _rounded(rewards[name])}
            for name in policies
        },
        "rank_correlation_of_policies": {
            f"{one}, {two}": _rank_correlation([(row[one], row[two]) for row in rewards.values()]) for one, two in pairs
        },
        "rank_correlation_of_speedups_of_correct_programs": {
            f"{one}, {two}": _rank_correlation(_first_turns(policies, one, two)) for one, two in pairs
        },
        "cost_of_another_target": _rounded(_costs(ready, rewards)),
        "modelled": all(CUDA not in target for target in targets),
    }  # fmt: skip


def _studies(
    out: Path, size: Size, trained_for: Sequence[str], steps: Sequence[int], seeds: range, targets: tuple[str, ...]
) -> list[Study]:
    model = out / COLD_START / "model"
    studies = [
        Study(
            name=UNTRAINED, trained_for=None, steps=0, scored_for=targets, seed=0,
            lesson=Lesson(
                estimator=None, seed=0, overrides=overrides_of(out, size, None, 0), model=model,
                output=out / "runs" / COLD_START, episodes=size.episodes,
            ),
        )
    ]  # fmt: skip
    for seed in seeds:
        for target in trained_for:
            for count in steps:
                name = f"{target}, {count} steps, seed {seed}"
                output = out / "runs" / f"{target}-{count}-{seed}"
                overrides = (
                    *overrides_of(out, size, ESTIMATOR, seed), f"environment.target={target}", f"trainer.steps={count}",
                    f"trainer.output={output / 'training'}",
                )  # fmt: skip
                lesson = Lesson(
                    estimator=ESTIMATOR, seed=seed, overrides=overrides, model=model, output=output,
                    episodes=size.episodes,
                )  # fmt: skip
                studies.append(
                    Study(name=name, lesson=lesson, trained_for=target, steps=count, scored_for=targets, seed=0)
                )
    return studies


def _run_all(studies: Sequence[Study], evaluator: RemoteEvaluator, processes: int) -> None:
    """Trains and plays, some policies at a time; each writes its episodes beside its model.

    Raises:
        RuntimeError: A process has failed; its log is in the folder of its policy.
    """
    ordered = sorted(studies, key=lambda study: -study.steps)
    context = multiprocessing.get_context("spawn")
    with Progress().part("training and playing", len(studies)) as done:
        running = [
            context.Process(target=_study_all, args=(ordered[part::processes], evaluator)) for part in range(processes)
        ]
        for process in running:
            process.start()
        while any(process.is_alive() for process in running):
            running[0].join(timeout=2)
            for process in running:
                process.join(timeout=0.1)
            done(sum((study.lesson.output / "episodes.json").exists() for study in studies))
        if any(process.exitcode for process in running):
            raise RuntimeError("a training has failed; its learner.log says why")


def _study_all(studies: Sequence[Study], evaluator: RemoteEvaluator) -> None:
    import os  # noqa: PLC0415 - of this process only

    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    for study in studies:
        folder = study.lesson.output
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = os.open(folder / "learner.log", os.O_WRONLY | os.O_CREAT, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        model, _ = trained(study.lesson, RECIPE, evaluator)
        played = {
            target: assessed(
                model, RECIPE, (*study.lesson.overrides, f"environment.target={target.removeprefix(CUDA)}"), evaluator,
                episodes=study.lesson.episodes, seed=study.seed, device="cuda" if CUDA in target else "cpu",
            )
            for target in study.scored_for
        }  # fmt: skip
        part = folder / "episodes.json.part"
        part.write_text(
            json.dumps({target: [each.model_dump() for each in found] for target, found in played.items()}),
            encoding="utf-8",
        )
        part.rename(folder / "episodes.json")


def _played(study: Study) -> dict[str, list[Episode]]:
    found = json.loads((study.lesson.output / "episodes.json").read_text(encoding="utf-8"))
    return {target: [Episode.model_validate(each) for each in episodes] for target, episodes in found.items()}


def _first_turns(
    policies: Mapping[str, tuple[str | None, int, Mapping[str, Sequence[Episode]]]], one: str, two: str
) -> list[tuple[float, float]]:
    """Returns speedups for two targets of programs that are correct for both: what was written before any feedback."""
    pairs = [
        (left.turns[0].speedup, right.turns[0].speedup)
        for _, _, played in policies.values()
        if len(played[one]) == len(played[two])  # none was lost: they are in the same order
        for left, right in zip(played[one], played[two], strict=True)
    ]
    return [(left, right) for left, right in pairs if left is not None and right is not None]


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Returns Spearman's rho; None where there is nothing to order."""
    if len({left for left, _ in pairs}) < 2 or len({right for _, right in pairs}) < 2:
        return None
    return round(float(spearmanr([left for left, _ in pairs], [right for _, right in pairs]).statistic), 3)


def _costs(ready: Mapping[str, str | None], rewards: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Returns what policies get less than those that were trained for the target, for each pair of targets."""
    known = [target for target in dict.fromkeys(ready.values()) if target is not None]
    return {
        f"{target}, instead of {other}": _mean(ready, rewards, target, target) - _mean(ready, rewards, other, target)
        for target in known
        for other in known
        if other != target
    }


def _mean(
    ready: Mapping[str, str | None], rewards: Mapping[str, Mapping[str, float]], trained_for: str, target: str
) -> float:
    return fmean(rewards[name][target] for name, for_target in ready.items() if for_target == trained_for)


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


if __name__ == "__main__":
    typer.run(main)
