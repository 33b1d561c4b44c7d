"""Whole runs: adapters, accumulation, evaluation, checkpoints, processes, and the real environment."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pandas import read_parquet
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage, UnknownProblem
from policies.curriculum import DifficultyBook, ThompsonSampler
from policies.training.trainer.trloo_trainer import TRLOOTrainer
from tests.policies.episodes import LightEvaluator, judge
from tests.policies.training.scripted import ScriptedPlay, Watch, arguments, relative_error, trainer_of
from tests.policies.training.two_processes import SETTINGS, main

PROBLEMS = ["core/a", "core/b", "core/c"]


@pytest.mark.parametrize("loss_type", ["dapo", "luspo", "dr_grpo"])
def test_accumulated_gradients_are_those_of_the_whole_batch(tiny: Path, tmp_path: Path, loss_type: str) -> None:
    gradients = []
    for changes in ({}, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}):
        watch = Watch()
        args = arguments(tmp_path, loss_type=loss_type, **changes)
        trainer_of(tiny, args, ScriptedPlay(), callbacks=[watch]).train()
        gradients.append(watch.gradients[0])
    assert relative_error(gradients[1], gradients[0]) <= 1e-5


def test_an_update_accumulates_all_its_batches_also_where_there_are_fewer_problems(tiny: Path, tmp_path: Path) -> None:
    play = ScriptedPlay()
    args = arguments(tmp_path, gradient_accumulation_steps=6, steps_per_generation=1, num_iterations=2, max_steps=2)
    trainer_of(tiny, args, play).train()
    assert len(play.requests) == 2 * 3 * 8  # a batch of 8 episodes serves 2 of an update's 6 micro-steps


def test_the_table_of_completions_has_the_problem_and_the_transcript_of_each_episode(
    tiny: Path, tmp_path: Path
) -> None:
    play = ScriptedPlay()
    trainer_of(tiny, arguments(tmp_path, log_completions=True, num_completions_to_print=1), play).train()
    (file,) = (tmp_path / "out" / "completions").glob("*.parquet")
    table = read_parquet(file)
    assert [prompt[0]["content"] for prompt in table["prompt"]] == [episode.problem for episode in play.episodes]
    assert all(text.startswith("=== core/") for text in table["transcript"])


def test_an_adapter_is_trained_and_nothing_below_it(tiny: Path, tmp_path: Path) -> None:
    watch = Watch()
    adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    args = arguments(tmp_path, max_steps=3, beta=0.1, rejection="sampling", rejection_lower=0.5, rejection_upper=2.0)
    trainer = trainer_of(tiny, args, ScriptedPlay(), callbacks=[watch], peft_config=adapter)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    after = trainer.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("lora_" in name for name in changed)


def test_dropout_is_off_as_it_is_while_sampling(tiny: Path, tmp_path: Path) -> None:
    adapter = LoraConfig(r=4, lora_dropout=0.5, init_lora_weights=False, target_modules=["q_proj"])
    gradients = []
    for _ in range(2):
        watch = Watch()
        torch.manual_seed(0)  # of the adapter
        trainer = trainer_of(tiny, arguments(tmp_path), ScriptedPlay(), callbacks=[watch], peft_config=adapter)
        torch.manual_seed(len(gradients))
        trainer.train()
        gradients.append(watch.gradients[0])
    assert all(part.p == 0.0 for part in trainer.model.modules() if isinstance(part, torch.nn.Dropout))
    assert relative_error(gradients[1], gradients[0]) <= 1e-6


def test_evaluations_play_the_same_episodes_and_leave_the_training_alone(tiny: Path, tmp_path: Path) -> None:
    finals, requests = [], []
    for changes in ({}, {"eval_strategy": "steps", "eval_steps": 1, "do_eval": True}):
        play = ScriptedPlay()
        args = arguments(
            tmp_path, max_steps=3, num_generations_eval=2, per_device_eval_batch_size=4, num_iterations=2, **changes
        )
        trainer = trainer_of(tiny, args, play, eval_problems=PROBLEMS)
        trainer.train()
        finals.append(trainer.model.state_dict())
        requests.append(play.requests)
    for name, value in finals[0].items():  # rows are shuffled by the generator that an evaluation's loader reads, too
        assert torch.allclose(value, finals[1][name], atol=1e-5)
    evaluated = [request for request in requests[1] if request not in requests[0]]
    assert len(evaluated) == 3 * len(PROBLEMS) * 2
    rounds = [evaluated[begin : begin + 6] for begin in range(0, 18, 6)]
    assert rounds[0] == rounds[1] == rounds[2]
    assert len(set(rounds[0])) == 6
    assert [entry for entry in trainer.state.log_history if "eval_reward" in entry and "eval_turn_1/reward" in entry]


def test_an_evaluation_is_computed_in_parts_that_a_training_has_too_and_leaves_its_table_alone(
    tiny: Path, tmp_path: Path
) -> None:
    sizes: list[tuple[bool, int]] = []

    def note(model: Any, given: Any, inputs: dict[str, Any]) -> None:
        sizes.append((model.training, len(inputs["input_ids"])))

    args = arguments(
        tmp_path, num_generations_eval=4, per_device_eval_batch_size=12, eval_strategy="steps", eval_steps=1,
        per_device_train_batch_size=4, gradient_accumulation_steps=2, rejection="sampling", log_completions=True,
        num_completions_to_print=0,
    )  # fmt: skip
    play = ScriptedPlay()
    trainer = trainer_of(tiny, args, play, eval_problems=PROBLEMS)
    trainer.model.register_forward_pre_hook(note, with_kwargs=True)
    trainer.train()
    assert len(play.requests) == 8 + 12
    assert {size for training, size in sizes if not training} == {4}
    table = read_parquet(tmp_path / "out" / "completions" / "completions_00001.parquet")
    assert {prompt[0]["content"] for prompt in table["prompt"]} == {"core/softmax", "core/layernorm"}


@pytest.mark.parametrize("place", ["problems", "eval_problems"])
def test_ids_of_problems_that_do_not_exist_are_refused_before_anything_is_loaded(tmp_path: Path, place: str) -> None:
    environment = KernelVectorEnv(1, evaluator=LightEvaluator(judge), problems="core", history="full")
    given = {"problems": ["core/softmax"], place: ["core/softmax", "core/sofmax"]}
    try:
        with pytest.raises(UnknownProblem, match="did you mean 'core/softmax"):
            TRLOOTrainer("no/model", arguments(tmp_path), environment=environment, **given)
    finally:
        environment.close()


def run(tiny: Path, folder: Path, resume: int | None, **changes: Any) -> tuple[TRLOOTrainer, ScriptedPlay]:
    play = ScriptedPlay()
    args = arguments(
        folder, per_device_train_batch_size=4, steps_per_generation=2, num_iterations=2, max_steps=14,
        save_strategy="steps", save_steps=3, optim="adamw_torch", learning_rate=1e-3, estimator="ebpo",
        ebpo_prior="history", **changes,
    )  # fmt: skip
    curriculum = ThompsonSampler(DifficultyBook(PROBLEMS), seed=5) if resume != 9 else None
    trainer = trainer_of(tiny, args, play, problems=PROBLEMS, curriculum=curriculum)
    trainer.train(resume_from_checkpoint=None if resume is None else str(folder / "out" / f"checkpoint-{resume}"))
    return trainer, play


@pytest.mark.slow
@pytest.mark.parametrize("step", [3, 6, 12])
def test_a_resumed_training_is_the_one_that_was_not_interrupted(tiny: Path, tmp_path: Path, step: int) -> None:
    whole, played = run(tiny, tmp_path, None)
    resumed, rest = run(tiny, tmp_path, step)
    before, after = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    begun = -(-step // 4) * 8  # a batch of 8 episodes serves 4 steps
    assert rest.requests == played.requests[begun:]
    assert whole.collector.state() == resumed.collector.state()


@pytest.mark.slow
def test_a_checkpoint_without_progress_or_of_more_processes_is_refused(tiny: Path, tmp_path: Path) -> None:
    run(tiny, tmp_path, None)
    progress = tmp_path / "out" / "checkpoint-3" / "progress-0.json"
    progress.write_text(progress.read_text().replace('"processes": 1', '"processes": 2'))
    with pytest.raises(BadUsage, match="resume with as many"):
        run(tiny, tmp_path, 3)
    progress.unlink()
    with pytest.raises(BadUsage, match="missing or broken"):
        run(tiny, tmp_path, 3)


@pytest.mark.slow
def test_two_processes_learn_what_one_does_where_groups_are_spread_over_both(tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONFAULTHANDLER": "1"}
    found = subprocess.run(
        [*command, "tests.policies.training.two_processes", str(tiny), str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    main(tiny, tmp_path)
    for name in SETTINGS:
        one, two = (torch.load(tmp_path / f"{name}-{size}.pt", weights_only=True) for size in (1, 2))
        start = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).state_dict()
        learned = {key: one["weights"][key] - start[key] for key in start}
        also = {key: two["weights"][key] - start[key] for key in start}
        assert relative_error(also, learned) <= 1e-4
        for entry, other in zip(one["logs"], two["logs"], strict=True):
            assert entry == pytest.approx(other, rel=1e-4, abs=1e-6)
        if name == "collected":
            told = {
                key: [entry[f"collect/{key}"] for entry in one["logs"][:-1]] for key in ("extra_turns", "temperature")
            }
            assert min(told["extra_turns"]) > 0
            assert len(set(told["temperature"])) > 1


@pytest.mark.slow
def test_in_the_environment_the_sampler_and_the_trainer_agree_about_every_token(tiny: Path, tmp_path: Path) -> None:
    environment = KernelVectorEnv(2, evaluator=LightEvaluator(judge), history="full", max_turns=2)
    args = arguments(
        tmp_path, per_device_train_batch_size=2, num_generations=2, max_completion_length=600, max_turn_length=24,
        rejection="sampling",
    )  # fmt: skip
    try:
        trainer = TRLOOTrainer(
            AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32, max_position_embeddings=8192),
            args,
            environment=environment,
            problems=["core/softmax"],
            processing_class=AutoTokenizer.from_pretrained(tiny, padding_side="left"),
        )
        trainer.train()
    finally:
        environment.close()
    logged = trainer.state.log_history[0]
    assert logged["episode/turns"] == 2.0
    assert logged["mismatch/masked_tokens"] == 0.0
    assert abs(logged["mismatch/ratio_max"] - 1.0) < 1e-4
    assert abs(logged["mismatch/ratio_min"] - 1.0) < 1e-4


def test_without_a_problem_or_a_place_to_play_in_no_trainer_is_made(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="no problem to train on"):
        trainer_of(tiny, arguments(tmp_path), ScriptedPlay(), problems=[])
    with pytest.raises(BadUsage, match="give an environment"):
        TRLOOTrainer(str(tiny), arguments(tmp_path), problems=PROBLEMS)
