"""What `TRLOOTrainer` relies on inside TRL, which may change without notice: an upgrade fails here, and says why.

That advantages may be one per token is tested by the gradients of every loss in `test_trloo_trainer`.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOTrainer

from policies.training.collecting.row import Row
from policies.training.trainer.batch_tensors import BatchTensors, per_token, rollout
from policies.training.trainer.head_temperature import HeadTemperature
from tests.policies.training.scripted import ScriptedPlay, arguments, leave_one_out, played, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore:You are using 'rollout_func':UserWarning")
EPISODES = [played(1.0, 0.0, seed=1), played(0.5, seed=2), played(None, seed=3), played(2.0, 2.0, 1.0, seed=4)]


class Recording(dict[str, Any]):
    """Remembers in which order its keys are read."""

    reads: list[str]

    def __getitem__(self, key: str) -> Any:
        self.reads.append(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.reads.append(key)
        return super().get(key, default)


class Watched(GRPOTrainer):
    """TRL's own trainer, with a record of what it does."""

    outputs: dict[str, Any]
    reads: list[str]

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        self.outputs = super()._generate_and_score_completions(inputs)
        return self.outputs

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        getattr(self, "reads", []).append("FORWARD")
        return result

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        recording = Recording(inputs)
        self.reads = recording.reads = []
        return super()._compute_loss(model, recording)


@pytest.fixture
def watched(tiny: Path, tmp_path: Path) -> Watched:
    collected = [Row(episode).collected() for episode in EPISODES]
    trainer = Watched(
        AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32),
        args=arguments(tmp_path, per_device_train_batch_size=4, num_iterations=2, max_steps=2),
        reward_funcs=lambda prompts, **_: [0.0 for _ in prompts],
        train_dataset=Dataset.from_dict({"prompt": [[{"role": "user", "content": "core/softmax"}]]}),
        processing_class=AutoTokenizer.from_pretrained(tiny, padding_side="left"),
        rollout_func=lambda prompts, trainer: rollout(collected),
    )
    trainer.train()
    return trainer


def test_the_masks_and_log_probabilities_of_a_rollout_become_tensors_in_its_order(watched: Watched) -> None:
    outputs = watched.outputs
    width = outputs["completion_ids"].size(1)
    assert width == max(len(episode.completion_ids) for episode in EPISODES)
    turn_ids = BatchTensors.of([Row(episode).collected() for episode in EPISODES], width).turn_ids
    learned = turn_ids >= 0
    learned[2] = False  # was lost
    assert ((outputs["completion_mask"] * outputs["tool_mask"]).bool() == learned).all()
    assert int(outputs["num_items_in_batch"]) == int(learned.sum())
    for row, episode in enumerate(EPISODES):
        assert outputs["sampling_per_token_logps"][row, : len(episode.logprobs)].tolist() == list(episode.logprobs)
        assert outputs["completion_ids"][row, : len(episode.completion_ids)].tolist() == list(episode.completion_ids)


def test_the_loss_reads_advantages_and_old_log_probabilities_after_the_forward_pass(watched: Watched) -> None:
    forward = watched.reads.index("FORWARD")
    assert watched.reads.index("tool_mask") < forward
    for key in ("advantages", "old_per_token_logps"):
        assert watched.reads.index(key) > forward
        assert key not in watched.reads[:forward]


def test_a_batch_is_kept_between_updates_and_steps_are_counted_where_checkpoints_look(watched: Watched) -> None:
    assert watched._step == 2
    assert [set(part) for part in watched._buffered_inputs] == [set(watched.outputs)]


def test_the_temperature_of_the_head_can_be_set(watched: Watched) -> None:
    part = watched._buffered_inputs[0]
    ids = torch.cat([part["prompt_ids"], part["completion_ids"]], 1)
    mask = torch.cat([part["prompt_mask"], part["completion_mask"]], 1)

    def logps() -> torch.Tensor:
        with torch.no_grad():
            found = watched._get_per_token_logps_and_entropies(
                watched.model, ids, mask, part["completion_ids"].size(1)
            )[0]
        assert isinstance(found, torch.Tensor)
        return found

    HeadTemperature(watched.model).set(2.0)
    with torch.no_grad():
        logits = watched.model(input_ids=ids, attention_mask=mask).logits[:, :-1] / 2.0
    exact = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0][:, -part["completion_ids"].size(1) :]
    learned = part["completion_mask"].bool()
    assert torch.allclose(logps()[learned], exact[learned], atol=1e-5)


def test_a_head_of_another_kind_is_refused(tiny: Path) -> None:
    with pytest.raises(RuntimeError, match="holds no temperature"):
        HeadTemperature(AutoModelForCausalLM.from_pretrained(tiny))


def test_every_row_keeps_its_own_advantages_when_a_batch_is_shuffled_and_dealt_out(tiny: Path, tmp_path: Path) -> None:
    play, seen = ScriptedPlay(), []
    args = arguments(
        tmp_path, per_device_train_batch_size=2, gradient_accumulation_steps=2, steps_per_generation=4,
        num_iterations=2, max_steps=4,
    )  # fmt: skip
    trainer = trainer_of(tiny, args, play)
    inner = trainer._compute_loss

    def watching(model: Any, inputs: dict[str, Any]) -> Any:
        seen.extend(zip(inputs["completion_ids"], inputs["advantages"], inputs["turn_ids"], strict=True))
        return inner(model, inputs)

    trainer._compute_loss = watching  # type: ignore[method-assign]
    trainer.train()
    worth = {e.completion_ids: v for e, v in zip(play.episodes, leave_one_out(play.episodes, 4), strict=True)}
    episodes = {episode.completion_ids: episode for episode in play.episodes}
    assert len(seen) == 16
    for ids, advantages, turn_ids in seen:
        (tokens,) = [tokens for tokens in episodes if tuple(ids[: len(tokens)].tolist()) == tokens]
        assert tuple(turn_ids[: len(tokens)].tolist()) == episodes[tokens].turn_ids
        assert torch.allclose(advantages, per_token(torch.tensor([worth[tokens]]), turn_ids[None])[0], atol=1e-6)
