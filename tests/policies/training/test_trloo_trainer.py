"""The trainer against the same mathematics written by hand: loops for advantages, plain logits for gradients."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from policies.training.played import EpisodeRequest, PlayedEpisode
from tests.policies.training.scripted import (
    ScriptedPlay,
    Watch,
    arguments,
    gradients_of,
    leave_one_out,
    logps_of,
    relative_error,
    trainer_of,
)

LOSSES = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo")
TEMPERATURE = 0.8


def sometimes_lost(request: EpisodeRequest) -> tuple[float | None, ...]:
    return (
        (1.0, None)
        if request.seed % 5 == 0
        else tuple(float((request.seed >> k) % 3) for k in range(request.seed % 3 + 1))
    )


def reinforce(model: Any, episodes: list[PlayedEpisode], advantages: list[list[float]], loss_type: str) -> Tensor:
    """What the gradient of every loss is on policy: advantage times log-probability, under its own normaliser."""
    sums, counts = [], []
    for episode, values in zip(episodes, advantages, strict=True):
        logps = logps_of(model, episode, TEMPERATURE)
        learned = [index for index in episode.turn_ids if index >= 0 and not episode.lost]
        weights = torch.tensor([values[i] if i >= 0 and not episode.lost else 0.0 for i in episode.turn_ids])
        sums.append(-(weights * logps).sum())
        counts.append(max(len(learned), 1))
    total, tokens = torch.stack(sums), torch.tensor(counts, dtype=torch.float32)
    learned_tokens = sum(sum(e.env_mask) for e in episodes if not e.lost)
    match loss_type:
        case "grpo" | "sapo":
            return (total / tokens).mean()
        case "dr_grpo":
            return total.sum() / (len(episodes) * 64)
        case "luspo":
            return total.mean()
        case _:
            return total.sum() / learned_tokens


@pytest.mark.parametrize("loss_type", LOSSES)
def test_the_first_gradient_of_every_loss_is_that_of_reinforce_with_the_advantage_of_each_turn(
    tiny: Path, tmp_path: Path, loss_type: str
) -> None:
    play, watch = ScriptedPlay(sometimes_lost), Watch()
    args = arguments(tmp_path, loss_type=loss_type, epsilon_high=5.0 if loss_type == "cispo" else 0.28)
    trainer_of(tiny, args, play, callbacks=[watch]).train()
    assert any(episode.lost for episode in play.episodes)
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    expected = gradients_of(model, reinforce(model, play.episodes, leave_one_out(play.episodes, 4), loss_type))
    assert relative_error(watch.gradients[0], expected) <= 1e-5
