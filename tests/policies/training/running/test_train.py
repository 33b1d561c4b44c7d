"""`kernelgym train`, from arguments to files; what needs TRL is in the slow lane."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from kernelgym.cli.exits import ExitCode
from policies.training.playing import play as playing
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from tests.policies.training.commands import rl_recipe, train, write_recipe

ROOT = Path(__file__).resolve().parents[4]
INTERRUPTED = 130


@pytest.fixture
def recipe(tiny: Path, tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "recipe.yaml", rl_recipe(tiny, tmp_path / "out"))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_command_is_listed_and_explained_without_loading_torch() -> None:
    program = "import sys; sys.argv = ['kernelgym', 'train', '--help']; from kernelgym.cli import main\n"
    program += "try:\n    main()\nexcept SystemExit:\n    pass\n"
    program += "print([name for name in ('torch', 'trl', 'transformers') if name in sys.modules], file=sys.stderr)"
    result = subprocess.run([sys.executable, "-I", "-c", program], cwd="/", capture_output=True, text=True, check=True)
    assert "--dry-run" in result.stdout
    assert result.stderr.strip() == "[]"


@pytest.mark.slow
class TestReinforcementLearning:
    """One process each; a training of this size takes seconds, importing TRL as many."""

    def test_a_training_keeps_recipe_numbers_tables_and_model(self, recipe: Path, tmp_path: Path) -> None:
        overrides = ("trainer.log_completions=true", "trainer.report_to=[tensorboard]", "trainer.save_steps=1")
        result = train(recipe, *overrides, "--json")
        out = tmp_path / "out"
        assert result.exit_code == ExitCode.VERDICT, result.stderr
        document = json.loads(result.stdout)
        assert (document["updates"], document["finished"]) == (2, True)
        assert document == json.loads((out / "summary.json").read_text())
        kept = yaml.safe_load((out / "recipe.yaml").read_text())
        assert kept["trainer"]["log_completions"] is True
        assert kept["advantage"]["estimator"] == "trloo"
        numbers = lines(out)
        assert [line["step"] for line in numbers] == [1, 2]
        wanted = {"episode/return", "turn_1/reward", "turn_2/advantage_std", "turn_1/group_size_2", "collect/masked"}
        assert wanted <= set(numbers[0])
        assert logged_to_tensorboard(out) >= {f"train/{name}" for name in wanted}
        assert "=== core/" in transcripts(out)[0]
        assert (out / "model" / "model.safetensors").exists()
        assert (out / "model" / "tokenizer.json").exists()

    def test_it_goes_on_where_a_checkpoint_is_and_learns_what_an_uninterrupted_one_does(
        self, recipe: Path, tmp_path: Path
    ) -> None:
        whole = train(recipe, "trainer.steps=3", f"trainer.output={tmp_path / 'whole'}")
        assert whole.exit_code == ExitCode.VERDICT, whole.stderr
        train(recipe, "trainer.steps=2")
        again = train(recipe, "trainer.steps=3")
        assert again.exit_code == ExitCode.USAGE
        assert "holds a training; add --resume to go on" in again.stderr
        other = train(recipe, "trainer.learning_rate=0.02", "--resume")
        assert "trainer.learning_rate is 0.01 there and 0.02 here" in other.stderr
        assert train(recipe, "trainer.steps=3", "--resume").exit_code == ExitCode.VERDICT
        assert [line["step"] for line in lines(tmp_path / "out")] == [1, 2, 3]
        for name in ("entropy", "episode/tokens", "num_tokens"):
            assert lines(tmp_path / "out")[2][name] == pytest.approx(lines(tmp_path / "whole")[2][name])

    def test_every_rule_of_a_recipe_reaches_the_trainer(self, recipe: Path, tmp_path: Path) -> None:
        result = train(
            recipe, "advantage.estimator=ebpo", "advantage.prior=history", "loss.type=grpo", "loss.ratio=turn",
            "mismatch.rejection={against: both, lower: 0.5, upper: 2.0}", "mismatch.weights={level: turn}",
            "selection={ties: resample, rounds: 1, retry_lost: 1, own_work: {}, truncation: {mode: mask}}",
            "curriculum={exploration: 0.5}", "diversity={}", "model.lora={rank: 2}", "environment.remember=true",
            "trainer.passes=2", "trainer.rows_per_device=2", "trainer.updates_per_batch=2", "trainer.steps=4",
        )  # fmt: skip
        assert result.exit_code == ExitCode.VERDICT, result.stderr
        first = lines(tmp_path / "out")[0]
        assert first["collect/masked_truncation"] + first["collect/masked_ties"] == 1.0
        assert first["collect/resampling_rounds"] == 1.0
        assert {"mismatch/masked_episodes", "collect/curriculum_coverage", "collect/diversity"} <= set(first)
        assert (tmp_path / "out" / "model" / "adapter_model.safetensors").exists()

    def test_rollouts_are_priced_and_the_chosen_ones_judged_with_confirm(self, recipe: Path, tmp_path: Path) -> None:
        result = train(recipe, "rollout.group_size=4", "confirm={keep: 2}", "trainer.steps=1")
        assert result.exit_code == ExitCode.VERDICT, result.stderr
        assert lines(tmp_path / "out")[0]["collect/masked_confirmation"] == 0.5
        assert lines(tmp_path / "out")[0]["episode/unjudged"] == 0.5
        assert "confirm/asked" in lines(tmp_path / "out")[0]

    def test_evaluations_have_lines_of_their_own_and_play_the_same_episodes(
        self, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, int]] = []

        def play(requests: Sequence[EpisodeRequest], *arguments: Any, **options: Any) -> list[PlayedEpisode]:
            asked.extend((request.problem, request.seed) for request in requests)
            return playing.play(requests, *arguments, **options)

        monkeypatch.setattr("policies.training.trainer.player.play", play)
        wanted = "evaluation={problems: 'core/softmax,core/transpose,core/rope', every: 1, episodes: 2}"
        result = train(recipe, wanted, "trainer.steps=1", "trainer.save_steps=1", "trainer.rows_per_device=2", "--json")
        assert result.exit_code == ExitCode.VERDICT, result.stderr
        told = [("eval_episode/return" in line, line["step"]) for line in lines(tmp_path / "out")]
        assert told == [(True, 0), (False, 1), (True, 1)]
        assert {"eval_turn_2/reward", "eval_reward", "eval_loss"} <= set(lines(tmp_path / "out")[0])
        before, learned, after = asked[:6], asked[6:10], asked[10:]
        assert sorted(before) == sorted(after)
        assert len({seed for _, seed in before}) == 6
        assert not {seed for _, seed in before} & {seed for _, seed in learned}
        document = json.loads(result.stdout)
        assert [row["updates"] for row in document["evaluations"]] == [[0, 0], [1, 1]]
        assert [row["updates"] for row in document["phases"]] == [[1, 1]]
        assert "evaluation after update 0 of 1: return" in result.stderr
        again = train(recipe, wanted, "trainer.steps=2", "trainer.rows_per_device=2", "--resume")
        assert again.exit_code == ExitCode.VERDICT, again.stderr
        assert [line["step"] for line in lines(tmp_path / "out")] == [0, 1, 1, 2, 2]

    def test_what_is_not_there_is_told_in_one_line(self, recipe: Path, tmp_path: Path) -> None:
        said = {
            "rollout.context=28": "tokens, so that the context of 28 has no room for an action of 8; leave",
            "model.path=nowhere": "the model nowhere is not on this machine; give a folder by model.path, or allow",
            "model.end_token=nothing": "model.end_token is 'nothing', which is no token of",
            "trainer.report_to=[wandb]": "trainer.report_to names wandb, which is not installed; `pip install wandb`",
            "trl.auto_find_batch_size=true": "TRL refuses the recipe: ValueError: auto_find_batch_size",
        }
        if not cuda():
            said["trainer.cpu=false"] = "there is no GPU on this machine; trainer.cpu=true trains on the CPU"
        for override, message in said.items():
            result = train(recipe, override)
            assert result.exit_code == ExitCode.USAGE, override
            assert message in result.stderr
            assert result.stdout == ""

    def test_ctrl_c_ends_it_after_an_update_with_a_checkpoint(self, recipe: Path, tmp_path: Path) -> None:
        program = f"from tests.policies.training.commands import main; main({str(recipe)!r}, 'trainer.steps=1000')"
        with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while not (tmp_path / "out" / "metrics.jsonl").exists() or not lines(tmp_path / "out"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        assert process.returncode == INTERRUPTED, stderr
        done = lines(tmp_path / "out")[-1]["step"]
        assert "stopping after this update, with a checkpoint" in stderr
        assert f"interrupted; update {done} is kept" in stderr
        assert (tmp_path / "out" / f"checkpoint-{done}" / "trainer_state.json").exists()
        assert not (tmp_path / "out" / "model").exists()


def cuda() -> bool:
    import torch  # noqa: PLC0415 - where it is loaded anyway

    return torch.cuda.is_available()


def logged_to_tensorboard(folder: Path) -> set[str]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415 - slow to import

    file = next(path for path in folder.rglob("events.out.tfevents.*") if path.stat().st_size > 0)
    events = EventAccumulator(os.fspath(file))
    events.Reload()
    return set(events.Tags()["scalars"])


def transcripts(folder: Path) -> list[str]:
    from pyarrow.parquet import read_table  # noqa: PLC0415 - an extra

    return [
        str(text) for text in read_table(folder / "completions" / "completions_00001.parquet")["transcript"].to_pylist()
    ]
