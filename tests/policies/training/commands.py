"""`kernelgym train` on a tiny model in the real environment, with an evaluator from a script behind it."""

from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.services import Services
from kernelgym.settings import Settings
from tests.policies.episodes import LightEvaluator, judge

STYLE = Path(__file__).with_name("style")
"""Templates of a few words, as a tiny model holds 256 bytes."""


def rl_recipe(model: Path, output: Path, **sections: Any) -> dict[str, Any]:
    """Two problems, groups of two, two turns of eight tokens; `sections` are merged in."""
    recipe: dict[str, Any] = {
        "algorithm": "trloo",
        "model": {"path": str(model)},
        "environment": {
            "problems": "core/softmax,core/matmul", "turns": 2, "style": str(STYLE), "feedback_tokens": 60,
        },
        "rollout": {"prompts": 2, "group_size": 2, "turn_tokens": 8, "episode_tokens": 64},
        "trainer": {
            "output": str(output), "learning_rate": 0.01, "steps": 2, "rows_per_device": 4, "autocast": False,
            "gradient_checkpointing": False, "cpu": True,
        },
    }  # fmt: skip
    for name, section in sections.items():
        recipe[name] = recipe.get(name, {}) | section if isinstance(section, dict) else section
    return recipe


def write_recipe(path: Path, recipe: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def train(*arguments: str | Path, evaluator: LightEvaluator | None = None) -> Result:
    """Runs the command in this process."""
    found = evaluator or LightEvaluator(judge)
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: found)
    return CliRunner().invoke(app, ["train", *map(str, arguments)], obj=services, catch_exceptions=False)


def main(*arguments: str) -> None:
    """Runs the command in a process of its own, with its exit code and its own standard error."""
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: LightEvaluator(judge))
    app(["train", *arguments], obj=services)
