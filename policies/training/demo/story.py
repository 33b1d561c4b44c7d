"""The demo from nothing to a plot: corpus, tokenizer, model, cold start, trainings, assessment."""

import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators import CachedEvaluator
from policies.training.demo.corpus import STYLE, play_corpus, texts_of, write_examples
from policies.training.demo.learner import LOG, RESULT, Lesson, learn, read_curve
from policies.training.demo.progress import Progress
from policies.training.demo.results import Results, Run
from policies.training.demo.shared import SharedEvaluator
from policies.training.demo.sketches import SKETCHES

RECIPES: Final = Path("examples/recipes")
COLD_START: Final = "cold-start"
RESULTS: Final = "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done."""

    samples: int = 150
    """Episodes of each problem in the corpus."""
    epochs: int = 8
    """Of the cold start."""
    steps: int = 16
    """Updates of each training."""
    group: int = 16
    """Episodes of each problem in a batch."""
    episodes: int = 32
    """Of each problem, in each assessment."""
    seeds: int = 3
    estimators: tuple[str, ...] = ("trloo", "grpo_std")
    processes: int = 2
    """That learn at the same time, a core each."""


class Broken(KernelGymError):
    """A part of the demo has ended without a result."""


def tell(out: Path, size: Size, services: Services, progress: Progress) -> Results:
    """Does all of it and returns what was found; `out` keeps the parts.

    Args:
        out: A folder that is made anew; nothing but an earlier demo may be there.
        size: How much is done.
        services: Who judges.
        progress: Is told how far it is.

    Raises:
        BadUsage: There is something else in `out`, or the recipes are not where they should be.
        Broken: A training has failed; names its log.
    """
    started = time.monotonic()
    _clear(out)
    recipe = RECIPES / "tiny-cpu.yaml"
    if not recipe.exists():
        raise BadUsage(f"there is no {recipe} here; run the demo in the folder that KernelGym was cloned into")
    opened = services.open_evaluator(services.settings.sandbox, size.processes)
    with closing(CachedEvaluator(opened)) as evaluator:
        total = size.samples * len(SKETCHES)
        with progress.part("corpus", total) as done:
            records = play_corpus(
                evaluator, samples=size.samples, concurrency=2 * size.processes, on_episode=done
            )  # fmt: skip
        write_examples(records, out / "corpus.jsonl")
        with progress.part("cold start", None):
            _in_another_process(_begin_cold, (out, texts_of(records), size.epochs), out)
        runs = _learn_all(out, recipe, size, evaluator, progress)
        counts = evaluator.counts
    results = Results(
        runs=tuple(runs),
        seconds=time.monotonic() - started,
        evaluations=counts.misses,
        asked=counts.misses + counts.hits + counts.joined,
    )
    (out / RESULTS).write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return results


def lessons_of(out: Path, size: Size) -> list[list[Lesson]]:
    """Returns what each process does: assesses the cold start with some seeds, then trains an estimator's runs."""
    every = [
        Lesson(
            estimator=estimator, seed=seed, overrides=overrides_of(out, size, estimator, seed),
            model=out / COLD_START / "model", output=out / "runs" / f"{estimator or COLD_START}-{seed}",
            episodes=size.episodes,
        )
        for seed in range(size.seeds)
        for estimator in (None, *size.estimators)
    ]  # fmt: skip
    every.sort(key=lambda lesson: lesson.estimator is not None)  # what is quick comes first, and is to be seen first
    return [every[part :: size.processes] for part in range(size.processes)]


def overrides_of(out: Path, size: Size, estimator: str | None, seed: int) -> tuple[str, ...]:
    """Returns what differs from the recipe."""
    return (
        f"model.path={out / COLD_START / 'model'}",
        f"environment.style={STYLE}",
        f"advantage.estimator={estimator or 'trloo'}",
        f"rollout.group_size={size.group}",
        f"trainer.rows_per_device={size.group * len(SKETCHES)}",
        f"trainer.steps={size.steps}",
        f"trainer.seed={seed}",
        f"trainer.output={out / 'runs' / f'{estimator}-{seed}' / 'training'}",
    )


def _learn_all(out: Path, recipe: Path, size: Size, evaluator: CachedEvaluator, progress: Progress) -> list[Run]:
    parts = lessons_of(out, size)
    trainings = [lesson for part in parts for lesson in part if lesson.estimator is not None]
    context = multiprocessing.get_context("spawn")
    with SharedEvaluator(evaluator) as shared, progress.part("training", size.steps * len(trainings)) as done:
        processes = [context.Process(target=learn, args=(part, recipe, shared.remote)) for part in parts if part]
        with _running(processes):
            while any(process.is_alive() for process in processes):
                for process in processes:
                    process.join(timeout=0.3)
                    if process.exitcode:
                        raise Broken(f"a training has failed; {_newest_log(out)} says why")
                curves = {
                    f"{each.estimator} {each.seed}": read_curve(each.output / "training" / "metrics.jsonl")
                    for each in trainings
                }
                done(sum(map(len, curves.values())))
                progress.curves(curves)
    order = (None, *size.estimators)
    runs = [_result(lesson) for part in parts for lesson in part]
    return sorted(runs, key=lambda run: (order.index(run.estimator), run.seed))


def _result(lesson: Lesson) -> Run:
    return Run.model_validate_json((lesson.output / RESULT).read_text(encoding="utf-8"))


def _begin_cold(out: Path, texts: Sequence[str], epochs: int) -> None:
    """Makes tokenizer and model and trains it on the corpus, in a process of its own."""
    log = os.open(out / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    import torch  # noqa: PLC0415 - takes seconds

    from policies.training.demo.tiny_model import tiny_model  # noqa: PLC0415 - as above
    from policies.training.demo.tokenizer import train_tokenizer  # noqa: PLC0415 - as above
    from policies.training.running import command  # noqa: PLC0415 - as above

    torch.set_num_threads(2)
    tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(out / "untrained")
    tiny_model(tokenizer, seed=0).save_pretrained(out / "untrained")
    options = command.Options(
        recipe=RECIPES / "tiny-cpu-coldstart.yaml", dry_run=False, resume=False, processes=None, evaluation_s=None,
        json=False,
        overrides=(
            f"model.path={out / 'untrained'}", f"data.files=[{out / 'corpus.jsonl'}]",
            f"trainer.output={out / COLD_START}", f"trainer.epochs={epochs}",
        ),
    )  # fmt: skip
    code = command.run(options, Services.from_environment())
    if code:
        raise SystemExit(int(code))


def _in_another_process(target: object, arguments: tuple[object, ...], out: Path) -> None:
    """Runs a function where its threads, its output and its memory bother nobody."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)  # type: ignore[arg-type]
    with _running([process]):
        process.join()
    if process.exitcode:
        raise Broken(f"the cold start has failed; {out / LOG} says why")


@contextmanager
def _running(processes: Sequence[multiprocessing.process.BaseProcess]) -> Iterator[None]:
    """Starts processes and ends those that are left."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()  # there is nothing to go on from
                process.join()


def _newest_log(out: Path) -> Path:
    return max(out.rglob(LOG), key=lambda path: path.stat().st_mtime)


def _clear(out: Path) -> None:
    """Removes an earlier demo."""
    ours = {COLD_START, RESULTS, LOG, "corpus.jsonl", "untrained", "runs", "learning.svg", "learning.md"}
    there = {path.name for path in out.iterdir()} if out.exists() else set()
    if there - ours:
        raise BadUsage(f"{out} holds {min(there - ours)!r}, which is not of an earlier demo; give another --out")
    if there:
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
