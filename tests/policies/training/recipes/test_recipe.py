"""Recipes: what is wrong in one is told before anything is loaded, with its place and what to do."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from kernelgym.errors import BadUsage
from policies.advantages import AdvantageOptions
from policies.diversity import DiversityTemperature
from policies.mismatch import RejectionBand
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import DynamicSampling
from policies.training.collecting.rejection import TurnRejection
from policies.training.confirming.contrast import ContrastiveSelection
from policies.training.recipes.recipe import RlRecipe, SftRecipe, load_recipe
from policies.training.recipes.recipe_learning import (
    Advantage,
    Band,
    Confirmation,
    Diversity,
    OwnWork,
    Selection,
    Truncation,
)
from policies.training.recipes.trl_fields import FIXED, OURS, field_names
from policies.truncation import TruncationRule
from rewards.rejection import RejectionSampling

TINY = """algorithm: trloo
model:
  path: tiny
environment:
  problems: core
rollout: {prompts: 4, group_size: 4, turn_tokens: 64, episode_tokens: 256}
trainer:
  output: out
  learning_rate: 1e-3
  steps: 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(TINY)
    return path


def load(path: Path, *overrides: str) -> RlRecipe:
    recipe = load_recipe(path, overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(BadUsage) as caught:
        load_recipe(path, overrides)
    return str(caught.value)


def test_numbers_in_powers_of_ten_are_numbers(file: Path) -> None:
    assert load(file).trainer.learning_rate == 0.001
    assert load(file, "trainer.learning_rate=2E-6").trainer.learning_rate == 2e-6


def test_off_and_no_are_texts_and_true_is_a_truth(file: Path) -> None:
    recipe = load(file, "selection.ties=off", "environment.submit=true")
    assert (recipe.selection.ties, recipe.environment.submit) == ("off", True)
    assert 'environment.submit is "no": input should be a valid boolean' in refusal(file, "environment.submit=no")


def test_overrides_go_before_the_file_and_open_sections(file: Path) -> None:
    recipe = load(file, "trainer.steps=7", "mismatch.rejection.upper=1.01", "model.lora={}", "environment.tags=[a, b]")
    assert recipe.trainer.steps == 7
    assert recipe.mismatch.rejection is not None
    assert (recipe.mismatch.rejection.upper, recipe.mismatch.rejection.lower) == (1.01, 0.999)
    assert recipe.model.lora is not None
    assert recipe.environment.tags == ("a", "b")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  stps: 3", "{file}:10: the section `trainer` has no key `stps`; did you mean 'steps'?"),
        ("", "{file}:7: the key `trainer.steps` is missing; add it there, or give trainer.steps=VALUE"),
        ("  steps: '3'", '{file}:10: trainer.steps is "3": input should be a valid integer'),
        ("  steps: yes", '{file}:10: trainer.steps is "yes": input should be a valid integer'),
        ("  steps: 0", "{file}:10: trainer.steps is 0: input should be greater than or equal to 1"),
        ("  steps: 3\n  steps: 4", "{file}:11: trainer.steps is given twice; give it once"),
        ("  steps: 2024-01-01", '{file}:10: trainer.steps is "2024-01-01": input should be a valid integer'),
        ("  steps: [", "the recipe {file} is no YAML: line 11: "),
        ("  steps: 3\nadvantag: {}", "{file}:11: a recipe has no key `advantag`; did you mean 'advantage'?"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(file: Path, line: str, said: str) -> None:
    file.write_text(TINY.replace("  steps: 3", line))
    assert refusal(file).startswith(said.format(file=file))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("advantage.gama=1", "override advantage.gama=1: the section `advantage` has no key `gama`; did you mean"),
        ("advantage.gamma=2", "override advantage.gamma=2: advantage.gamma is 2: input should be less than or equal"),
        ("advantage.estimator=gpro", "advantage.estimator is \"gpro\": input should be 'trloo', 'turn_grpo'"),
        ("trainer.learning_rate", "the override is 'trainer.learning_rate'; give a key and a value"),
        ("rollout.prompts.x=1", "leads into rollout.prompts, which is 4 and no section"),
        ("algorithm=grpo", "algorithm is 'grpo'; there are sft, trloo"),
        ("algorithm=trlo", "algorithm is 'trlo'; did you mean 'trloo'?"),
        ("trainer.epochs=1", "the section `trainer` has no key `epochs`"),
        ("trainer.rows_per_device=3", "does not divide the 16 rows of a batch"),
        ("rollout.turn_tokens=512", "rollout.turn_tokens is 512, more than all of an episode's 256"),
        ("model.lora.dropout=0.1", "model.lora.dropout is 0.1, but the policy that is trained is the one that sampled"),
        ("loss.type=cispo", "loss.clip_high is 0.28, which cispo bounds the ratio itself by; give 1 or more"),
        ("mismatch.rejection.lower=1.5", "mismatch.rejection is 1.5 to 1.001; a band has 1 in it"),
        ("trl.use_vlm=true", "trl.use_vlm is no field of TRL's GRPOConfig; did you mean 'use_vllm'?"),
        ("evaluation={}", "the key `evaluation.problems` is missing"),
        ("evaluation={problems: core, evry: 3}", "the section `evaluation` has no key `evry`; did you mean 'every'?"),
        ("evaluation={problems: core, at_start: false}", "evaluation.every is 10, but the training has 3 updates"),
        ("trl.eval_steps=3", "trl.eval_steps has a key of its own in a recipe; give evaluation.every"),
        ("trl.beta=0.1", "trl.beta has a key of its own in a recipe; give loss.kl"),
        ("trl.importance_sampling_level=sequence", "trl.importance_sampling_level has a key of its own in a recipe"),
        ("loss.ratio=sequence", "loss.ratio is \"sequence\": input should be 'token' or 'turn'"),
        ("trl.mask_truncated_completions=true", "it would drop every episode that ends in the environment's words"),
        ("trl.top_p=0.9", "actions are drawn from the whole distribution"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_told_with_what_to_do(file: Path, override: str, said: str) -> None:
    assert said in refusal(file, override)


def test_files_that_are_no_recipes_are_told(tmp_path: Path) -> None:
    assert "can't be read (No such file or directory)" in refusal(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "is no mapping" in refusal(tmp_path / "list.yaml")
    (tmp_path / "loop.yaml").write_text("algorithm: trloo\nmodel: &m {path: *m}\n")
    assert "holds what no recipe can" in refusal(tmp_path / "loop.yaml")
    (tmp_path / "empty.yaml").write_text("model: {path: x}\n")
    assert "the key `algorithm` is missing; add `algorithm: sft | trloo`" in refusal(tmp_path / "empty.yaml")


def test_a_cold_start_has_sections_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "sft.yaml"
    path.write_text(
        "algorithm: sft\nmodel: {path: tiny}\ndata: {runs: [runs/a], max_tokens: 512}\n"
        "trainer: {output: out, learning_rate: 1e-4, epochs: 2}\n"
    )
    recipe = load_recipe(path)
    assert isinstance(recipe, SftRecipe)
    assert recipe.data.best
    assert "the section `trainer` has no key `steps`" in refusal(path, "trainer.steps=3")
    assert "data names nothing to learn from" in refusal(path, "data.runs=[]")
    assert "trl.max_length has a key of its own" in refusal(path, "trl.max_length=3")


def test_every_field_that_a_recipe_sets_or_forbids_is_one_of_trl() -> None:
    known = (field_names("GRPOConfig") or frozenset()) | (field_names("SFTConfig") or frozenset())
    assert [name for name in (*OURS, *FIXED) if name not in known] == []


@pytest.mark.slow  # importing TRL takes seconds
@pytest.mark.parametrize("name", ["GRPOConfig", "SFTConfig"])
def test_the_fields_that_are_read_from_the_source_are_those_of_the_class(name: str) -> None:
    from trl import GRPOConfig, SFTConfig  # noqa: PLC0415 - as above

    found = field_names(name)
    assert found is not None
    assert {field.name for field in fields({"GRPOConfig": GRPOConfig, "SFTConfig": SFTConfig}[name])} <= found


def test_an_evaluation_does_not_go_with_an_evaluator_that_only_prices(file: Path) -> None:
    assert "evaluation can't go with confirm" in refusal(file, "evaluation={problems: core}", "confirm={keep: 2}")


@pytest.mark.parametrize(
    ("section", "made", "others"),
    [
        (Advantage(), AdvantageOptions(), {"prior"}),
        (Band(), RejectionBand(), {"against"}),
        (OwnWork(), RejectionSampling(), {"level", "counted"}),
        (OwnWork(), TurnRejection(), {"threshold", "softness", "share"}),
        (Selection(), DynamicSampling(), {"retry_lost", "lost_batches", "own_work", "truncation"}),
        (Selection(), CollectionOptions(), {"ties", "rounds", "tolerance", "own_work"}),
        (Truncation(), TruncationRule(), {"mode"}),
        (Diversity(), DiversityTemperature(), set()),
        (Confirmation(keep=4), ContrastiveSelection(keep=4), {"reward"}),
    ],
)
def test_the_defaults_of_a_section_are_those_of_what_it_makes(section: BaseModel, made: Any, others: set[str]) -> None:
    for name in set(type(section).model_fields) - others:
        assert getattr(section, name) == getattr(made, name), name
