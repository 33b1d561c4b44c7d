"""Training without an environment: random episodes from a script, and a model small enough to check by hand."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from kernelgym.chat import Message, Role
from policies.training.playing.played import Ending, EpisodeRequest, PlayedEpisode, PlayedTurn
from policies.training.trainer.trloo_config import TRLOOConfig
from policies.training.trainer.trloo_trainer import TRLOOTrainer

LETTERS = 200
"""Tokens below are letters of the tiny tokenizer; its special ones are above."""


def played(
    *rewards: float | None,
    problem: str = "core/softmax",
    seed: int = 0,
    temperature: float = 1.0,
    logps: Callable[[Sequence[int], Sequence[int]], Sequence[float]] | None = None,
) -> PlayedEpisode:
    """An episode of one turn per reward, with tokens from a seed; None: the evaluation was lost."""
    draw = random.Random(seed)
    prompt = tuple(draw.randrange(LETTERS) for _ in range(draw.randrange(2, 6)))
    tokens: list[int] = []
    turn_ids: list[int] = []
    turns = []
    for number, reward in enumerate(rewards):
        if number:
            answer = [draw.randrange(LETTERS) for _ in range(draw.randrange(1, 4))]
            tokens, turn_ids = tokens + answer, turn_ids + [-1] * len(answer)
        start, length = len(tokens), draw.randrange(2, 7)
        tokens += [draw.randrange(LETTERS) for _ in range(length)]
        turn_ids += [number] * length
        turns.append(
            PlayedTurn(
                reward=reward,
                report=None,
                start=start,
                stop=len(tokens),
                stopped=True,
                text="code",
                evaluation_s=0.0,
            )
        )
    logprobs = [-5.0] * len(tokens) if logps is None else logps(prompt, tokens)
    return PlayedEpisode(
        problem=problem,
        seed=seed,
        temperature=temperature,
        prompt_ids=prompt,
        completion_ids=tuple(tokens),
        env_mask=tuple(int(index >= 0) for index in turn_ids),
        turn_ids=tuple(turn_ids),
        logprobs=tuple(value if index >= 0 else 0.0 for value, index in zip(logprobs, turn_ids, strict=True)),
        turns=tuple(turns),
        ending=Ending.LOST if None in rewards else Ending.FINISHED,
        messages=(Message(role=Role.USER, content=f"Solve {problem}."), Message(role=Role.ASSISTANT, content="code")),
    )


def random_rewards(request: EpisodeRequest) -> tuple[float | None, ...]:
    """One to three turns."""
    draw = random.Random(request.seed + 1)
    return tuple(draw.choice([0.0, 0.5, 1.0, 2.5]) for _ in range(draw.randrange(1, 4)))


class ScriptedPlay:
    """Plays requests from a script: what an episode's turns earn is a function of its request. Remembers requests."""

    def __init__(
        self,
        rewards: Callable[[EpisodeRequest], tuple[float | None, ...]] = random_rewards,
        logps: Callable[[Sequence[int], Sequence[int]], Sequence[float]] | None = None,
    ) -> None:
        self.rewards = rewards
        self.logps = logps
        self.requests: list[EpisodeRequest] = []
        self.episodes: list[PlayedEpisode] = []

    def __call__(self, requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        self.requests += requests
        episodes = [
            played(
                *self.rewards(request),
                problem=request.problem,
                seed=request.seed,
                temperature=request.temperature,
                logps=self.logps,
            )
            for request in requests
        ]
        self.episodes += episodes
        return episodes


def arguments(folder: Path, **changes: Any) -> TRLOOConfig:
    """Eight episodes per step, four of each problem, without anything random but the episodes."""
    given: dict[str, Any] = {
        "output_dir": str(folder / "out"),
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 64,
        "max_steps": 1,
        "learning_rate": 0.05,
        "lr_scheduler_type": "constant",
        "optim": "sgd",
        "max_grad_norm": 0.0,
        "save_strategy": "no",
        "logging_steps": 1,
        "temperature": 0.8,
    }
    return TRLOOConfig(**given | changes)


class Watch(TrainerCallback):
    """Keeps the weights before every update, and the gradients."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.gradients: list[dict[str, Tensor]] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.weights.append({name: value.detach().clone() for name, value in model.state_dict().items()})
        self.gradients.append(
            {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
        )


def trainer_of(model: Path, args: TRLOOConfig, play: ScriptedPlay, **more: Any) -> TRLOOTrainer:
    """A trainer on two problems."""
    return TRLOOTrainer(
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args,
        problems=more.pop("problems", ["core/softmax", "core/layernorm"]),
        play=play,
        processing_class=AutoTokenizer.from_pretrained(model, padding_side="left"),
        **more,
    )


def logps_of(model: Any, episode: PlayedEpisode, temperature: float) -> Tensor:
    """Log-probabilities of an episode's completion, from plain logits, one episode at a time."""
    tokens = torch.tensor([[*episode.prompt_ids, *episode.completion_ids]])
    logits = model(input_ids=tokens).logits[0].float() / temperature
    start = len(episode.prompt_ids)
    return logits[start - 1 : -1].log_softmax(-1).gather(1, tokens[0, start:, None])[:, 0]


def relative_error(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Of all gradients together, in the Euclidean norm."""
    assert found.keys() == expected.keys()
    difference = sum(float((found[name] - expected[name]).double().square().sum()) for name in expected)
    size = sum(float(value.double().square().sum()) for value in expected.values())
    return float((difference / size) ** 0.5)


def gradients_of(model: Any, loss: Tensor) -> dict[str, Tensor]:
    """The gradients of a loss."""
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def leave_one_out(episodes: Sequence[PlayedEpisode], group_size: int) -> list[list[float]]:
    """TRLOO by loops: an advantage per episode and turn; 0 for turns that nobody else of the group has reached."""
    found = []
    for index, episode in enumerate(episodes):
        first = index - index % group_size
        others = [e for e in episodes[first : first + group_size] if e is not episode and not e.lost]
        values = []
        for turn in range(len(episode.turns)):
            rivals = [_to_go(other, turn) for other in others if len(other.turns) > turn]
            alone = episode.lost or not rivals
            values.append(0.0 if alone else _to_go(episode, turn) - sum(rivals) / len(rivals))
        found.append(values)
    return found


def _to_go(episode: PlayedEpisode, turn: int) -> float:
    return sum(_known(episode.rewards[turn:]))


def _known(rewards: Iterable[float | None]) -> list[float]:
    return [reward for reward in rewards if reward is not None]
