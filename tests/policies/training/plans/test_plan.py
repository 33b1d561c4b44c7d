"""What a recipe comes to, against numbers worked out by hand; and the recipes that are shipped."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.settings import Settings
from policies.training.plans.memory import estimate_memory
from policies.training.plans.model_shape import count_lora, count_parameters, find_shape
from policies.training.plans.plan import Plan, make_plan
from policies.training.recipes.recipe import RlRecipe, load_recipe
from policies.training.recipes.recipe_sections import Lora, ModelSection, Shape

ROOT = Path(__file__).resolve().parents[4]
RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.yaml"))
QWEN_8B = Shape(
    layers=36, hidden=4096, intermediate=12288, heads=32, kv_heads=8, head_dim=128, vocabulary=151936, context=32768
)

REFERENCE = """import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return {body}


def get_inputs():
    return [torch.rand(4)]


def get_init_inputs():
    return []
"""


def named(name: str) -> Path:
    return ROOT / "examples" / "recipes" / f"{name}.yaml"


def plan_of(name: str, *overrides: str, processes: int = 1, settings: Settings | None = None) -> Plan:
    return make_plan(load_recipe(named(name), overrides), settings or Settings(), processes=processes)


def dry_run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments), "--dry-run"], catch_exceptions=False)


def test_weights_are_counted_as_the_published_model_has_them() -> None:
    assert count_parameters(QWEN_8B) == pytest.approx(8_190_735_360, rel=1e-3)
    assert count_lora(QWEN_8B, 16) == 36 * 16 * (2 * 8192 + 2 * 5120 + 3 * 16384)


def test_memory_of_full_training_in_float32_is_sixteen_bytes_a_weight_and_what_a_row_needs() -> None:
    model = ModelSection(path="x")
    found = estimate_memory(
        model, QWEN_8B, row_tokens=1000, rows=2, sampled_rows=4, autocast=False, checkpointing=True, reference=False
    )
    weights = count_parameters(QWEN_8B)
    assert found.weights + found.gradients + found.optimizer == 16 * weights
    assert found.cache == 4 * 1000 * 2 * 36 * 8 * 128 * 4
    assert found.reference == found.casts == 0
    assert found.peak == 16 * weights + max(found.activations + found.logits, found.cache)


def test_lora_spares_gradients_and_optimizer_of_the_weights_and_needs_no_reference() -> None:
    lora = ModelSection(path="x", dtype="bfloat16", lora=Lora(rank=16))
    found = estimate_memory(
        lora, QWEN_8B, row_tokens=1000, rows=1, sampled_rows=0, autocast=True, checkpointing=True, reference=True
    )
    assert found.optimizer == 8 * count_lora(QWEN_8B, 16)
    assert found.reference == 0


def test_the_rows_of_a_batch_are_spread_over_processes_and_updates() -> None:
    batch = plan_of("drkernel-8b", processes=8).geometry
    assert batch is not None
    assert (batch.rows, batch.micro_batches, batch.accumulation, batch.batches) == (256, 32, 32, 300)
    batch = plan_of("drkernel-8b", "trainer.updates_per_batch=4", "trainer.passes=2", processes=8).geometry
    assert batch is not None
    assert (batch.micro_batches, batch.accumulation, batch.batches) == (32, 8, 38)


def test_evaluations_are_told_at_the_stated_rate() -> None:
    evaluations = plan_of("drkernel-8b", "environment.workers=4", processes=2).evaluations
    assert evaluations is not None
    assert evaluations.per_batch == 256 * 3
    assert evaluations.seconds == pytest.approx(768 * 0.76 / 8)


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("off", 0), ("skip", 0), ("resample", 2 * 256 * 3)],
)
def test_evaluations_of_groups_that_are_drawn_anew_are_told_apart(ties: str, expected: int) -> None:
    evaluations = plan_of("drkernel-8b", f"selection.ties={ties}").evaluations
    assert evaluations is not None
    assert (evaluations.per_batch, evaluations.drawn_anew) == (768, expected)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("environment.reward=drkernel_guardd", "drkernel_guarded"),
        ("confirm={keep: 4, reward: nothing}", "nothing"),
        ("environment.style=no_style", "no_style"),
        ("environment.target=h20", "h200"),
    ],
)
def test_a_reward_style_or_gpu_that_nobody_knows_is_refused_by_the_plan(override: str, named: str) -> None:
    assert plan_of("drkernel-8b").refused == ()
    (reason,) = plan_of("drkernel-8b", "evaluation=null", override).refused  # which does not go with confirm
    assert named in reason


def test_everything_that_is_refused_is_told_at_once() -> None:
    overrides = ("rollout.context=65536", "environment.problems=corr", "rollout.prompts=3")
    refused = plan_of("drkernel-8b", *overrides, processes=5).refused
    assert any("can't be spread over 5 processes" in reason for reason in refused)
    assert any("'corr'" in reason for reason in refused)
    assert any("rollout.context is 65536, but the model holds 32768" in reason for reason in refused)


def test_evaluations_of_the_policy_are_planned() -> None:
    plan = plan_of("drkernel-8b", "environment.workers=4", processes=2)
    found = plan.assessment
    assert found is not None
    assert (found.problems, found.trained, found.rows, found.rows_per_device) == (34, 34, 272, 136)
    assert (found.turns, found.times) == (816, 31)
    assert found.seconds == pytest.approx(816 * 0.76 / 8)
    assert any("34 of the 34 problems of evaluation.problems are trained on, too" in each for each in plan.cautions)
    assert plan_of("tiny-cpu").assessment is None


def test_evaluations_of_other_problems_are_not_cautioned_against_and_none_at_the_start_is_one_fewer() -> None:
    plan = plan_of("drkernel-8b", "environment.problems=core/softmax", "evaluation.problems=core/matmul,core/rope",
                   "evaluation.at_start=false")  # fmt: skip
    assert plan.assessment is not None
    assert (plan.assessment.trained, plan.assessment.times) == (0, 30)
    assert not any("evaluation" in caution for caution in plan.cautions)


def test_evaluations_that_processes_can_not_share_evenly_are_refused() -> None:
    (reason,) = plan_of("drkernel-8b", "evaluation.episodes=1", processes=4).refused
    assert "the 34 episodes of an evaluation (34 problems of evaluation.problems x evaluation.episodes=1)" in reason
    assert "can't be spread over 4 processes; choose a multiple of 4" in reason


def test_problems_of_evaluations_that_do_not_exist_are_refused() -> None:
    (reason,) = plan_of("drkernel-8b", "evaluation.problems=core/sofmax").refused
    assert "did you mean 'core/softmax'" in reason


def test_the_same_id_for_another_problem_in_training_and_evaluation_is_refused(tmp_path: Path) -> None:
    for folder, body in (("a", "x + 1"), ("b", "x + 2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.py").write_text(REFERENCE.format(body=body))
    problems = f"environment.problems=file:{tmp_path / 'a' / 'same.py'}"
    refused = plan_of("drkernel-8b", problems, f"evaluation.problems=file:{tmp_path / 'b' / 'same.py'}").refused
    assert any("two different problems" in reason for reason in refused)


@pytest.mark.parametrize(
    ("overrides", "cautioned"),
    [
        ((), True),
        (("rollout.episode_tokens=28672",), False),
        (("rollout.episode_tokens=21480",), True),
        (("rollout.episode_tokens=21480", "rollout.least_tokens=1000"), False),
    ],
)
def test_turns_that_may_have_no_room_are_cautioned_against_with_the_remedy(
    overrides: tuple[str, ...], cautioned: bool
) -> None:
    found = [caution for caution in plan_of("drkernel-8b", *overrides).cautions if "before their last turn" in caution]
    assert len(found) == cautioned
    assert all("28672 tokens" in caution and "a lower rollout.least_tokens" in caution for caution in found)


def test_rewards_that_punish_going_on_are_cautioned_against() -> None:
    cautions = plan_of("drkernel-8b", "environment.reward=drkernel_like_kernel").cautions
    assert any("a turn without code earns -1: an episode that ends early" in caution for caution in cautions)
    assert not any("earns" in caution for caution in plan_of("drkernel-8b").cautions)


def test_weights_in_which_small_steps_are_lost_are_cautioned_against() -> None:
    cautions = plan_of("drkernel-8b", "model.dtype=bfloat16").cautions
    assert any("lose most steps of the learning rate 1e-06" in caution for caution in cautions)
    assert not any("lose most" in caution for caution in plan_of("drkernel-8b").cautions)


def test_the_numbers_of_a_model_on_this_machine_go_before_those_of_the_recipe(tmp_path: Path) -> None:
    config = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4,
              "num_key_value_heads": 2, "vocab_size": 259, "max_position_embeddings": 256}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = find_shape(ModelSection(path=str(tmp_path), shape=QWEN_8B))
    assert found.shape is not None
    assert (found.shape.head_dim, found.shape.context, found.found_at) == (8, 256, tmp_path)


def test_a_model_in_the_cache_of_the_hub_is_found_and_any_other_is_not_here(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    environment = {"HF_HUB_CACHE": str(tmp_path)}
    assert find_shape(ModelSection(path="org/name"), environment).found_at == snapshot
    assert find_shape(ModelSection(path="org/other", shape=QWEN_8B), environment).found_at is None


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_that_is_shipped_can_be_planned(path: Path, tmp_path: Path) -> None:
    supervised = yaml.safe_load(path.read_text())["algorithm"] == "sft"
    here = [f"data.runs=[{tmp_path}]", "data.files=[]"] if supervised else []  # nobody has collected them yet
    result = dry_run(path, *here, "--json")
    assert result.exit_code == ExitCode.VERDICT, result.output
    document = json.loads(result.stdout)
    assert document["refused"] == []
    assert document["batch"]["rows"] > 0
    if "8b" in path.stem or "14b" in path.stem:
        assert document["memory_bytes_estimated"]["peak"] > 100 * 2**30


def test_the_plan_of_the_published_recipe_shows_what_is_corrected_and_nothing_else() -> None:
    for name in ("drkernel-8b", "drkernel-14b"):
        assert [difference.key for difference in plan_of(name).differences] == [
            "environment.reward", "advantage.alone", "selection.own_work.share",
        ]  # fmt: skip


def test_the_larger_recipe_and_the_baseline_differ_from_the_published_one_in_what_they_say_only() -> None:
    plain = without_output(named("drkernel-8b"))
    larger, baseline = without_output(named("drkernel-14b")), without_output(named("grpo-baseline"))
    assert larger.pop("model") != plain["model"]
    assert baseline.pop("advantage") == plain["advantage"] | {"estimator": "grpo_std"}
    assert larger == {key: value for key, value in plain.items() if key != "model"}
    assert baseline == {key: value for key, value in plain.items() if key != "advantage"}


def without_output(path: Path) -> dict[str, Any]:
    recipe = load_recipe(path)
    assert isinstance(recipe, RlRecipe)
    document = recipe.model_dump(mode="json")
    document["trainer"].pop("output")
    return document


def test_a_dry_run_prints_a_table_with_its_estimates_marked_as_such() -> None:
    result = dry_run(named("drkernel-8b"), "--processes", "8", "--evaluation-seconds", "20")
    words = " ".join(result.stdout.split())
    assert "256 rows = 8 processes x 1 rows x 32 backward passes" in words
    assert (
        "at most 768 per batch (up to 1,536 more where groups tie): about 32 min (estimated, 20 s each, 8 at a time)"
        in words
    )
    assert "at least 148.0 GiB per process (estimated, unsharded), and what vLLM takes" in words
    assert "every 10 updates, and before the first, 31 times: 34 problems x 8 episodes = 272 episodes" in words
    assert "look at: the model hkust-nlp/drkernel-8b-coldstart is not on this machine" in words
    assert result.stderr == ""


def test_a_dry_run_that_is_refused_says_why_and_fails() -> None:
    result = dry_run(named("drkernel-8b"), "environment.problems=nothing")
    assert result.exit_code == ExitCode.USAGE
    assert "refused: " in result.stdout


def test_a_wrong_recipe_is_one_line_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"algorithm": "trloo"}))
    result = dry_run(path)
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.count("\n") == 1
    assert "the key `model` is missing" in result.stderr


def test_options_of_a_plan_are_refused_without_one() -> None:
    command = ["train", str(named("tiny-cpu")), "--processes", "2"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == ExitCode.USAGE
    assert "are for --dry-run" in result.stderr
