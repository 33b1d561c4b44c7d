"""Episodes as tensors, padded to a rectangle; what the loss is told beside TRL's own tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from policies.training.collecting.collected import CollectedEpisode


def rollout(episodes: Sequence[CollectedEpisode]) -> dict[str, list[Any]]:
    """Returns what TRL wants of a `rollout_func`: one member per episode; turns that aren't learned are masked."""
    return {
        "prompt_ids": [list(episode.played.prompt_ids) for episode in episodes],
        "completion_ids": [list(episode.played.completion_ids) for episode in episodes],
        "logprobs": [list(episode.played.logprobs) for episode in episodes],
        "env_mask": [[int(index >= 0 and e.learned[index]) for index in e.played.turn_ids] for e in episodes],
    }


def episode_reward(episode: CollectedEpisode) -> float | None:
    """Returns the sum of the turns' rewards; None if something was lost."""
    known = [reward for reward in episode.rewards if reward is not None]
    return None if episode.played.lost or len(known) < len(episode.rewards) else sum(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTensors:
    """The episodes of one process: B rows, T tokens in the longest completion, K turns in the longest episode."""

    turn_ids: Tensor
    """[B, T] int64: index of the turn that a token is of; -1 for the environment's and for padding."""
    rewards: Tensor
    """[B, K] float32; 0 where there is none."""
    counted: Tensor
    """[B, K] bool: has a place in the baseline."""

    @classmethod
    def of(cls, episodes: Sequence[CollectedEpisode], width: int, device: torch.device | None = None) -> Self:
        """Returns the tensors of some episodes.

        Args:
            episodes: At least one.
            width: T, at least the length of the longest completion.
            device: Where they are put.
        """
        turns = max(len(episode.rewards) for episode in episodes)
        return cls(
            turn_ids=torch.tensor([_padded(e.played.turn_ids, width, -1) for e in episodes], device=device),
            rewards=torch.tensor(
                [_padded([reward or 0.0 for reward in e.rewards], turns, 0.0) for e in episodes],
                dtype=torch.float32,
                device=device,
            ),
            counted=torch.tensor([_padded(e.counted, turns, False) for e in episodes], device=device),
        )


def per_token(values: Tensor, turn_ids: Tensor) -> Tensor:
    """Gives every token its turn's value.

    Args:
        values: [B, K].
        turn_ids: [B, T], -1 where there is no turn.

    Returns:
        [B, T]; 0 where there is no turn.
    """
    return values.gather(1, turn_ids.clamp(min=0)) * (turn_ids >= 0)


def _padded(values: Sequence[Any], width: int, filler: Any) -> list[Any]:
    return [*values, *[filler] * (width - len(values))]
