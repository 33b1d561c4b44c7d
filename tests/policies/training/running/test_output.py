"""The folder of a training: what goes on in it, what is refused, and what its numbers come to."""

import json
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from policies.training.recipes.recipe import Recipe, load_recipe
from policies.training.running.outcome import RL_NUMBERS, phases
from policies.training.running.output import Output, newest_checkpoint

TEXT = """algorithm: trloo
model: {path: tiny}
environment: {problems: core}
rollout: {prompts: 4, group_size: 4, turn_tokens: 64, episode_tokens: 256}
trainer: {output: OUT, learning_rate: 1e-3, steps: 3}
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def recipe_of(out: Path, *overrides: str) -> Recipe:
    path = out.with_suffix(".yaml")
    path.write_text(TEXT.replace("OUT", str(out)))
    return load_recipe(path, overrides)


def checkpoint(out: Path, step: int) -> Path:
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text("{}")
    return folder


def test_the_recipe_is_written_down_so_that_it_trains_the_same_again(out: Path) -> None:
    recipe = recipe_of(out, "trainer.steps=7", "selection.ties='off'", "mismatch.rejection={}")
    Output(out, recipe, resume=False).begin(recipe)
    assert load_recipe(out / "recipe.yaml") == recipe


def test_the_newest_checkpoint_is_that_of_the_highest_step_which_was_written_to_its_end(out: Path) -> None:
    for step in (9, 10):
        checkpoint(out, step)
    (out / "checkpoint-11").mkdir()
    assert newest_checkpoint(out) == out / "checkpoint-10"


def test_what_was_logged_after_the_checkpoint_is_forgotten_and_half_a_line_with_it(out: Path) -> None:
    recipe = recipe_of(out)
    Output(out, recipe, resume=False).begin(recipe)
    for step in (1, 2, 3):
        Output(out, recipe, resume=False).log({"step": step})
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    checkpoint(out, 2)
    again = Output(out, recipe, resume=True)
    again.begin(recipe)
    assert again.metrics() == [{"step": 1}, {"step": 2}]
    assert (out / "metrics.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_training_is_not_overwritten_and_another_one_not_gone_on_with(out: Path) -> None:
    recipe = recipe_of(out)
    with pytest.raises(BadUsage, match="has no checkpoint to go on from; leave out --resume"):
        Output(out, recipe, resume=True)
    Output(out, recipe, resume=False).begin(recipe)
    checkpoint(out, 1)
    with pytest.raises(BadUsage, match=r"holds a training; add --resume to go on, or give another trainer\.output"):
        Output(out, recipe, resume=False)
    with pytest.raises(BadUsage, match=r"holds another training: advantage.gamma is 1.0 there and 0.5 here"):
        Output(out, recipe_of(out, "advantage.gamma=0.5"), resume=True)
    longer = recipe_of(out, "trainer.steps=30", "environment.workers=4", "trainer.report_to=[tensorboard]")
    assert Output(out, longer, resume=True).checkpoint == out / "checkpoint-1"


def test_a_recipe_that_can_not_be_compared_is_no_training_to_go_on_with(out: Path) -> None:
    checkpoint(out, 1)
    with pytest.raises(BadUsage, match=r"recipe.yaml can't be read"):
        Output(out, recipe_of(out), resume=True)


def test_a_training_is_summed_up_by_quarters_of_its_updates() -> None:
    lines = [{"step": step, "episode/return": float(step)} for step in range(1, 9)]
    rows = phases(lines, RL_NUMBERS)
    assert [row["updates"] for row in rows] == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert [row["return"] for row in rows] == [1.5, 3.5, 5.5, 7.5]
    assert rows[0]["fast_1"] is None
    assert [row["updates"] for row in phases(lines[:2], RL_NUMBERS)] == [[1, 1], [2, 2]]
    assert phases([], RL_NUMBERS) == []
    assert json.loads(json.dumps(rows)) == rows
