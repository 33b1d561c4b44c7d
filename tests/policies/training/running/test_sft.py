"""A cold start by the command line, from the episodes of a run to a model that writes what it was shown."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.settings import Settings
from tests.policies.episodes import LightEvaluator, judge
from tests.policies.training.commands import STYLE, rl_recipe, train, write_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the demo policy: the second turn of each episode is correct."""
    folder = tmp_path_factory.mktemp("run") / "demo"
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: LightEvaluator(judge))
    command = ["run", "--problems", "core/softmax,core/add_relu", "--turns", "2", "--samples", "2",
               "--history", "full", "--out", str(folder)]  # fmt: skip
    assert CliRunner().invoke(app, command, obj=services).exit_code == ExitCode.VERDICT
    return folder


@pytest.fixture(scope="module")
def wide(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with room for the environment's whole prompts."""
    folder = tmp_path_factory.mktemp("wide") / "model"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 20_000}))
    return folder


@pytest.fixture
def recipe(run: Path, wide: Path, tmp_path: Path) -> Path:
    document: dict[str, Any] = {
        "algorithm": "sft",
        "model": {"path": str(wide)},
        "data": {"runs": [str(run)], "max_tokens": 20_000},
        "trainer": {
            "output": str(tmp_path / "out"), "learning_rate": 0.003, "epochs": 2, "batch": 2, "autocast": False,
            "gradient_checkpointing": False, "cpu": True,
        },
    }  # fmt: skip
    return write_recipe(tmp_path / "sft.yaml", document)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_cold_start_learns_the_best_turns_of_a_run(recipe: Path, tmp_path: Path) -> None:
    result = train(recipe, "model.lora={rank: 4}", "--json")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert "2 examples of 2 problems" in result.stderr, "the same candidate to a problem is learned once"
    assert "left out: 2 duplicate, 4 worse" in result.stderr
    losses = [line["loss"] for line in lines(tmp_path / "out")]
    assert losses[-1] < losses[0]
    assert json.loads(result.stdout)["phases"][0]["loss"] > json.loads(result.stdout)["phases"][-1]["loss"]


def test_the_loss_is_that_of_the_completion_alone(recipe: Path, tmp_path: Path, wide: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - slow to import

    from policies.training.playing.chat_tokens import ChatTokens  # noqa: PLC0415
    from policies.training.recipes.recipe import SftRecipe, load_recipe  # noqa: PLC0415
    from policies.training.running.examples import read_examples  # noqa: PLC0415

    parsed = load_recipe(recipe)
    assert isinstance(parsed, SftRecipe)
    rows = read_examples(parsed.data, ChatTokens(AutoTokenizer.from_pretrained(wide))).rows
    model = AutoModelForCausalLM.from_pretrained(wide, dtype=torch.float32)
    total, count = 0.0, 0
    for row in rows:
        with torch.no_grad():
            logits = model(torch.tensor([row.input_ids])).logits[0, :-1]
        labels = torch.tensor(row.labels[1:])
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum", ignore_index=-100))
        count += int((labels != -100).sum())
    assert train(recipe, "trainer.epochs=1").exit_code == ExitCode.VERDICT
    assert lines(tmp_path / "out")[0]["loss"] == pytest.approx(total / count, rel=1e-4)


def test_reinforcement_learning_begins_with_the_model_of_a_cold_start(recipe: Path, tmp_path: Path) -> None:
    assert train(recipe, "trainer.epochs=1").exit_code == ExitCode.VERDICT
    following = rl_recipe(tmp_path / "out" / "model", tmp_path / "rl", environment={"style": str(STYLE)})
    result = train(write_recipe(tmp_path / "rl.yaml", following), "trainer.steps=1")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
