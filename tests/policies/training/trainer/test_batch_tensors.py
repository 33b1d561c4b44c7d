"""Episodes as tensors: what is padded, masked and handed to TRL."""

import torch

from policies.training.collecting.collected import CollectedEpisode
from policies.training.collecting.row import Row
from policies.training.trainer.batch_tensors import BatchTensors, episode_reward, per_token, rollout
from tests.policies.training.scripted import played


def masked(episode: CollectedEpisode, *learned: bool) -> CollectedEpisode:
    return CollectedEpisode(
        played=episode.played, rewards=episode.rewards, counted=episode.counted, learned=tuple(learned)
    )


def test_turns_that_are_not_learned_are_masked_and_stay_in_the_baseline() -> None:
    episode = masked(Row(played(1.0, 2.0)).collected(), True, False)
    (mask,) = rollout([episode])["env_mask"]
    assert mask == [int(turn == 0) for turn in episode.played.turn_ids]
    assert BatchTensors.of([episode], len(mask)).counted.tolist() == [[True, True]]


def test_nothing_of_a_lost_episode_is_learned_or_counted() -> None:
    episode = Row(played(1.0, None, seed=5)).collected()
    assert not any(rollout([episode])["env_mask"][0])
    tensors = BatchTensors.of([episode], len(episode.played.completion_ids))
    assert not tensors.counted.any()
    assert episode_reward(episode) is None


def test_rows_of_unequal_lengths_are_padded_with_what_means_nothing() -> None:
    episodes = [Row(played(1.0, seed=1)).collected(), Row(played(0.5, 2.0, 1.0, seed=2)).collected()]
    width = max(len(episode.played.completion_ids) for episode in episodes) + 3
    tensors = BatchTensors.of(episodes, width)
    assert tensors.turn_ids.shape == (2, width)
    assert tensors.rewards.tolist() == [[1.0, 0.0, 0.0], [0.5, 2.0, 1.0]]
    assert tensors.counted.tolist() == [[True, False, False], [True, True, True]]
    assert (tensors.turn_ids[0, len(episodes[0].played.completion_ids) :] == -1).all()
    assert episode_reward(episodes[1]) == 3.5


def test_every_token_of_a_turn_gets_its_value_and_others_get_0() -> None:
    values, turn_ids = torch.tensor([[3.0, -1.0]]), torch.tensor([[0, 0, -1, 1, -1]])
    assert per_token(values, turn_ids).tolist() == [[3.0, 3.0, 0.0, -1.0, 0.0]]
