"""The folder of a training: what was to be done, what was logged, checkpoints, and the model at the end."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from kernelgym.errors import BadUsage
from policies.training.recipes.recipe import Recipe

RECIPE: Final = "recipe.yaml"
"""The recipe with all its defaults and overrides."""

METRICS: Final = "metrics.jsonl"
"""One line per update, and one per evaluation."""

MODEL: Final = "model"
"""Folder of the trained model and its tokenizer."""

SUMMARY: Final = "summary.json"

MAY_CHANGE: Final = (
    "model.download", "environment.workers", "environment.sandbox", "environment.evaluator", "rollout.batch",
    "rollout.overlap", "trainer.steps", "trainer.epochs", "trainer.save_steps", "trainer.keep", "trainer.report_to",
    "trainer.log_completions", "trainer.output",
)  # fmt: skip
"""Keys that may differ when a training goes on: they decide how it runs, or how long, but not what it is."""


class Output:
    """The folder of one training.

    Args:
        path: Where; is made.
        recipe: What is to be done.
        resume: Whether to go on with what is there.

    Raises:
        BadUsage: It holds a training and is not to go on, holds another one, or can't be written.
    """

    def __init__(self, path: Path, recipe: Recipe, *, resume: bool) -> None:
        self.path = path
        self.checkpoint = newest_checkpoint(path)
        """The one to go on from."""
        begun = self.checkpoint is not None or (path / MODEL).exists()
        if begun and not resume:
            raise BadUsage(f"{path} holds a training; add --resume to go on, or give another trainer.output")
        if resume and self.checkpoint is None:
            raise BadUsage(f"{path} has no checkpoint to go on from; leave out --resume")
        if resume:
            self._compare(recipe)

    def begin(self, recipe: Recipe) -> None:
        """Writes down what is done; for one process only. What was logged beyond the checkpoint is forgotten."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
            (self.path / RECIPE).write_text(text, encoding="utf-8")
            last = -1 if self.checkpoint is None else _step(self.checkpoint)
            kept = [line for line in self.metrics() if line["step"] <= last]
            (self.path / METRICS).write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        except OSError as error:
            raise BadUsage(f"{self.path} can't be written ({error.strerror}); give another trainer.output") from error

    def log(self, line: dict[str, Any]) -> None:
        """Adds a line of metrics, on the disk before the next."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Returns all lines; half a last one, after a power cut, is left out."""
        return list(_lines(self.path / METRICS))

    def _compare(self, recipe: Recipe) -> None:
        try:
            there = yaml.safe_load((self.path / RECIPE).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise BadUsage(f"{self.path / RECIPE} can't be read; train anew, into another trainer.output") from error
        old, new = _flat(there), _flat(recipe.model_dump(mode="json"))
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in MAY_CHANGE]
        if changed:
            key = changed[0]
            raise BadUsage(
                f"{self.path} holds another training: {key} is {old.get(key)!r} there and {new.get(key)!r} here; give "
                "the same recipe, or another trainer.output"
            )


def newest_checkpoint(path: Path) -> Path | None:
    """Returns the checkpoint of the highest step; None if there is none."""
    found = [folder for folder in path.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", folder.name)]
    return max((folder for folder in found if (folder / "trainer_state.json").exists()), key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Returns nested sections as dotted keys."""
    if not isinstance(values, dict) or not values:
        return {prefix: values}
    return {
        key: value
        for name, inner in values.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }
