"""The trainer against the same mathematics written by hand: loops for advantages, plain logits for gradients."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from policies.diversity import TemperatureState
from policies.training.collecting.collected import Collected, CollectedEpisode
from policies.training.collecting.collector import Collector
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from tests.policies.training.scripted import (
    ScriptedPlay,
    Watch,
    arguments,
    gradients_of,
    leave_one_out,
    logps_of,
    random_rewards,
    relative_error,
    trainer_of,
)

LOSSES = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo")
TEMPERATURE = 0.8
Weights = Callable[[PlayedEpisode], Tensor]
"""Per token of an episode: what its loss is multiplied by; 0 takes it out."""


def everything(episode: PlayedEpisode) -> Tensor:
    return torch.tensor(episode.env_mask, dtype=torch.float32) * (not episode.lost)


def sometimes_lost(request: EpisodeRequest) -> tuple[float | None, ...]:
    return (1.0, None) if request.seed % 5 == 0 else random_rewards(request)


def reference(tiny: Path, weights: dict[str, Tensor] | None = None) -> Any:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    if weights is not None:
        model.load_state_dict(weights)
    return model


def aggregated(losses: Sequence[Tensor], weights: Sequence[Tensor], loss_type: str) -> Tensor:
    """One loss from those of tokens; weights other than 0 say which of them are there."""
    sums = torch.stack([tokens.sum() for tokens in losses])
    counts = torch.tensor([float((row != 0).sum()) for row in weights])
    match loss_type:
        case "grpo" | "sapo":
            return (sums / counts.clamp(min=1.0)).mean()
        case "dr_grpo":
            return sums.sum() / (len(losses) * 64)
        case "luspo":
            return sums.mean()
        case _:
            return sums.sum() / counts.sum()


def reinforce(
    model: Any,
    episodes: Sequence[PlayedEpisode],
    loss_type: str,
    weights: Weights = everything,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """The loss whose gradient is that of every loss on policy: each token's log-probability times its turn's worth."""
    losses, rows = [], []
    for episode, values in zip(episodes, leave_one_out(episodes, 4), strict=True):
        row = weights(episode)
        worth = torch.tensor([values[index] if index >= 0 else 0.0 for index in episode.turn_ids])
        losses.append(-row * worth * logps_of(model, episode, temperature))
        rows.append(row)
    return aggregated(losses, rows, loss_type)


@pytest.mark.parametrize("loss_type", LOSSES)
def test_the_first_gradient_of_every_loss_is_that_of_reinforce_with_the_advantage_of_each_turn(
    tiny: Path, tmp_path: Path, loss_type: str
) -> None:
    play, watch = ScriptedPlay(sometimes_lost), Watch()
    args = arguments(tmp_path, loss_type=loss_type, epsilon_high=5.0 if loss_type == "cispo" else 0.28)
    trainer_of(tiny, args, play, callbacks=[watch]).train()
    assert any(episode.lost for episode in play.episodes)
    assert len({len(episode.turns) for episode in play.episodes}) > 1
    model = reference(tiny)
    expected = gradients_of(model, reinforce(model, play.episodes, loss_type))
    assert relative_error(watch.gradients[0], expected) <= 1e-5


class Choosing(Collector):
    """Collects as the usual one, and learns nothing of some turns."""

    skipped: Callable[[int, int], bool]

    def collect(self, problems: Sequence[str], step: int) -> Collected:
        collected = super().collect(problems, step)
        return Collected(
            episodes=tuple(
                CollectedEpisode(
                    played=episode.played,
                    rewards=episode.rewards,
                    counted=episode.counted,
                    learned=tuple(
                        learned and not type(self).skipped(row, turn) for turn, learned in enumerate(episode.learned)
                    ),
                )
                for row, episode in enumerate(collected.episodes)
            )
        )


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_turns_that_are_not_learned_leave_loss_and_denominators_but_still_are_competition(
    tiny: Path, tmp_path: Path, loss_type: str
) -> None:
    play, watch = ScriptedPlay(), Watch()
    trainer = trainer_of(tiny, arguments(tmp_path, loss_type=loss_type), play, callbacks=[watch])
    trainer.collector.__class__ = Choosing
    Choosing.skipped = lambda row, turn: (row + turn) % 3 == 0
    trainer.train()
    rows = {id(episode): row for row, episode in enumerate(play.episodes)}

    def weights(episode: PlayedEpisode) -> Tensor:
        return torch.tensor([float(turn >= 0 and (rows[id(episode)] + turn) % 3 != 0) for turn in episode.turn_ids])

    model = reference(tiny)
    expected = gradients_of(model, reinforce(model, play.episodes, loss_type, weights))
    assert relative_error(watch.gradients[0], expected) <= 1e-5


@pytest.mark.parametrize("rewards", [lambda request: (None,), lambda request: (1.0, 1.0)], ids=["lost", "tied"])
@pytest.mark.parametrize("loss_type", LOSSES)
def test_a_batch_without_anything_to_learn_leaves_the_weights_alone(
    tiny: Path, tmp_path: Path, rewards: Callable[[EpisodeRequest], tuple[float | None, ...]], loss_type: str
) -> None:
    watch = Watch()
    highest = 5.0 if loss_type == "cispo" else 0.28
    args = arguments(tmp_path, loss_type=loss_type, epsilon_high=highest, rejection="sampling")
    trainer_of(tiny, args, ScriptedPlay(rewards), callbacks=[watch]).train()
    assert all(float(gradient.abs().max()) == 0.0 for gradient in watch.gradients[0].values())


def gspo_per_turn(
    model: Any, old: Any, episodes: Sequence[PlayedEpisode], loss_type: str, low: float, high: float
) -> Tensor:
    """GSPO, equation 5, with a turn in place of a sequence; differentiable through the mean of the log-ratios."""
    losses, rows = [], []
    for episode, values in zip(episodes, leave_one_out(episodes, 4), strict=True):
        differences = logps_of(model, episode, TEMPERATURE) - logps_of(old, episode, TEMPERATURE).detach()
        tokens = []
        for index, turn in enumerate(episode.turns):
            ratio = differences[turn.start : turn.stop].mean().exp()
            term = torch.min(ratio * values[index], ratio.clamp(1 - low, 1 + high) * values[index])
            tokens.append(-term.expand(turn.stop - turn.start))
        losses.append(torch.cat(tokens))
        rows.append(torch.ones(len(losses[-1])))
    return aggregated(losses, rows, loss_type)


@pytest.mark.parametrize(("loss_type", "rate"), [("grpo", 1e-3), ("dapo", 1e-3), ("luspo", 2e-4)])
def test_off_policy_the_ratio_per_turn_has_the_gradient_of_gspo_for_each_turn(
    tiny: Path, tmp_path: Path, loss_type: str, rate: float
) -> None:
    play, watch = ScriptedPlay(), Watch()
    args = arguments(
        tmp_path, loss_type=loss_type, importance_sampling_level="turn", num_iterations=2, max_steps=2,
        epsilon=0.01, epsilon_high=0.02, learning_rate=rate,
    )  # fmt: skip
    trainer_of(tiny, args, play, callbacks=[watch]).train()
    model, old = reference(tiny, watch.weights[1]), reference(tiny, watch.weights[0])
    expected = gradients_of(model, gspo_per_turn(model, old, play.episodes, loss_type, 0.01, 0.02))
    unclipped = gradients_of(model, gspo_per_turn(model, old, play.episodes, loss_type, 9.0, 9.0))
    assert relative_error(watch.gradients[1], expected) <= 1e-5
    assert relative_error(unclipped, expected) > 1e-2  # clipping, per turn, was part of it


def sampler_logps(tiny: Path, shift: Callable[[int], float]) -> Callable[[Sequence[int], Sequence[int]], list[float]]:
    """What a sampler would have said that differs from the model by so much at each place of an episode."""
    model = reference(tiny)

    def logps(prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        whole = torch.tensor([[*prompt, *tokens]])
        with torch.no_grad():
            logits = (model(input_ids=whole).logits[0] / TEMPERATURE).log_softmax(-1)
        exact = logits[len(prompt) - 1 : -1].gather(1, whole[0, len(prompt) :, None])[:, 0]
        return [float(value) + shift(prompt[0] + at) for at, value in enumerate(exact)]

    return logps


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_what_the_sampler_would_have_written_too_differently_leaves_loss_and_denominators(
    tiny: Path, tmp_path: Path, loss_type: str
) -> None:
    play = ScriptedPlay(logps=sampler_logps(tiny, lambda place: 0.0))
    inner, watch = play.logps, Watch()
    assert inner is not None
    play.logps = lambda prompt, tokens: [value + 0.01 * (prompt[0] % 3 == 0) for value in inner(prompt, tokens)]
    trainer = trainer_of(tiny, arguments(tmp_path, loss_type=loss_type, rejection="sampling"), play, callbacks=[watch])
    trainer.train()
    rejected = [episode.prompt_ids[0] % 3 == 0 for episode in play.episodes]
    assert 0 < sum(rejected) < len(rejected)
    model = reference(tiny)
    loss = reinforce(model, play.episodes, loss_type, lambda e: everything(e) * (e.prompt_ids[0] % 3 != 0))
    assert relative_error(watch.gradients[0], gradients_of(model, loss)) <= 1e-5
    (logged,) = [entry for entry in trainer.state.log_history if "mismatch/masked_episodes" in entry]
    assert logged["mismatch/masked_episodes"] == pytest.approx(sum(rejected) / len(rejected))


class Engine:
    """Stands for vLLM: only its weights are kept in step, as nothing is sampled by it."""

    synced = 0

    def sync_weights(self) -> None:
        self.synced += 1


@pytest.mark.parametrize(("loss_type", "vllm"), [("dapo", False), ("sapo", False), ("cispo", False), ("dapo", True)])
def test_truncated_weights_of_the_sampler_weigh_each_token_once(
    tiny: Path, tmp_path: Path, loss_type: str, vllm: bool
) -> None:
    shifts = (-0.4, -0.1, 0.0, 0.2)
    play, watch = ScriptedPlay(logps=sampler_logps(tiny, lambda place: shifts[place % 4])), Watch()
    args = arguments(
        tmp_path, loss_type=loss_type, sampling_weights="token", sampling_weights_max=1.2, epsilon_high=5.0
    )
    trainer = trainer_of(tiny, args, play, callbacks=[watch])
    if vllm:
        trainer.use_vllm, trainer.vllm_generation, trainer._last_loaded_step = True, Engine(), -1
    trainer.train()
    assert not vllm or trainer.vllm_generation.synced == 1

    def weights(episode: PlayedEpisode) -> Tensor:
        places = range(episode.prompt_ids[0], episode.prompt_ids[0] + len(episode.completion_ids))
        ratios = torch.tensor([-shifts[place % 4] for place in places]).exp().clamp(max=1.2)
        return ratios * torch.tensor(episode.env_mask)

    model = reference(tiny)
    expected = gradients_of(model, reinforce(model, play.episodes, loss_type, weights))
    assert relative_error(watch.gradients[0], expected) <= 1e-5


def test_vespo_has_the_weights_of_the_sampler_in_its_own_weight(tiny: Path, tmp_path: Path) -> None:
    shifts = (-0.04, 0.0, 0.03)
    play, watch = ScriptedPlay(logps=sampler_logps(tiny, lambda place: shifts[place % 3])), Watch()
    trainer_of(tiny, arguments(tmp_path, loss_type="vespo", sampling_weights="token"), play, callbacks=[watch]).train()
    model = reference(tiny)
    losses = []
    for episode, values in zip(play.episodes, leave_one_out(play.episodes, 4), strict=True):
        places = range(episode.prompt_ids[0], episode.prompt_ids[0] + len(episode.completion_ids))
        mask = torch.tensor(episode.env_mask)
        ratio = (torch.tensor([-shifts[place % 3] for place in places]) * mask).sum()
        worth = torch.tensor([values[index] if index >= 0 else 0.0 for index in episode.turn_ids])
        power, rate = torch.where(worth >= 0, 2.0, 3.0), torch.where(worth >= 0, 3.0, 2.0)
        weight = (rate + power * ratio - rate * ratio.exp()).exp()  # VESPO's gamma weight of an episode's ratio
        losses.append(-weight * worth * logps_of(model, episode, TEMPERATURE) * mask)
    loss = aggregated(losses, [everything(episode) for episode in play.episodes], "vespo")
    assert relative_error(watch.gradients[0], gradients_of(model, loss)) <= 1e-4


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_an_update_that_left_its_batch_behind_teaches_nothing_where_stale_episodes_are_rejected(
    tiny: Path, tmp_path: Path, beta: float
) -> None:
    watch = Watch()
    args = arguments(
        tmp_path, rejection="stale", num_iterations=2, max_steps=2, learning_rate=0.3, beta=beta,
        rejection_lower=1 - 1e-6, rejection_upper=1 + 1e-6, rejection_veto=None,
    )  # fmt: skip
    trainer = trainer_of(tiny, args, ScriptedPlay(), callbacks=[watch])
    trainer.train()
    assert any(float(gradient.abs().max()) > 0.0 for gradient in watch.gradients[0].values())
    assert all(float(gradient.abs().max()) == 0.0 for gradient in watch.gradients[1].values())
    rejected = [entry["mismatch/stale_rejected"] for entry in trainer.state.log_history if "loss" in entry]
    assert rejected == [0.0, 1.0]


def test_gradients_are_those_at_the_temperature_that_a_batch_was_sampled_at(tiny: Path, tmp_path: Path) -> None:
    play, watch = ScriptedPlay(), Watch()
    trainer = trainer_of(tiny, arguments(tmp_path, loss_type="dapo"), play, callbacks=[watch])
    trainer.collector._temperature = TemperatureState(temperature=1.3)
    trainer.train()
    model = reference(tiny)
    expected = gradients_of(model, reinforce(model, play.episodes, "dapo", temperature=1.3))
    assert relative_error(watch.gradients[0], expected) <= 1e-5


@pytest.mark.parametrize("bf16", [False, True])
def test_the_model_of_reference_is_read_at_the_temperature_of_the_batch(tiny: Path, tmp_path: Path, bf16: bool) -> None:
    trainer = trainer_of(tiny, arguments(tmp_path, beta=0.1, bf16=bf16), ScriptedPlay())
    trainer.collector._temperature = TemperatureState(temperature=1.3)
    trainer.train()
    assert trainer.state.log_history[0]["kl"] == pytest.approx(0.0, abs=1e-6)


def test_logs_hold_the_reward_of_episodes_and_the_numbers_of_turns(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    play = ScriptedPlay(sometimes_lost)
    trainer = trainer_of(tiny, arguments(tmp_path), play)
    trainer.train()
    logged = trainer.state.log_history[0]
    sums = [sum(reward or 0.0 for reward in episode.rewards) for episode in play.episodes if not episode.lost]
    assert logged["reward"] == pytest.approx(sum(sums) / len(sums))
    assert logged["episode/lost"] == pytest.approx(1 - len(sums) / len(play.episodes))
    assert "turn_1/group_size" in logged
    assert [prompt[0]["content"] for prompt in trainer._logs["prompt"]] == [e.problem for e in play.episodes]
    worth = [sum(values) / len(values) for values in leave_one_out(play.episodes, 4)]
    assert "All reward functions returned None" not in caplog.text  # which TRL would say of each lost episode
    assert list(trainer._logs["advantages"]) == pytest.approx(worth, abs=1e-6)
