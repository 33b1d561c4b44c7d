"""Which arguments are refused, and that the message says what to use instead."""

from pathlib import Path
from typing import Any

import pytest

from kernelgym.errors import BadUsage
from tests.policies.training.scripted import arguments


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"importance_sampling_level": "sequence"}, "credit of turns is lost; use `turn`"),
        ({"importance_sampling_level": "word"}, "there are: token, turn"),
        ({"scale_rewards": "group"}, "estimator `turn_grpo_std`"),
        ({"multi_objective_aggregation": "normalize_then_sum"}, "one reward per turn"),
        ({"remove_unused_columns": True}, "leave it off"),
        ({"mask_truncated_completions": True}, "conditional truncation"),
        ({"use_vllm": True, "vllm_importance_sampling_correction": True}, "use sampling_weights `token`"),
        ({"loss_type": "cispo", "epsilon_high": 0.28}, "give 1 or more, e.g. 5"),
        ({"loss_type": "cispo"}, "cispo bounds the ratio itself"),
        ({"loss_type": "vespo", "sampling_weights": "episode"}, "use `token`"),
        ({"loss_type": "vespo", "importance_sampling_level": "turn"}, "use importance_sampling_level `token`"),
        ({"top_p": 0.9, "repetition_penalty": 1.1}, "top_p, repetition_penalty would have no effect"),
        ({"reward_weights": [2.0]}, "reward_weights would have no effect"),
        ({"estimator": "reinforce"}, "there are: trloo"),
        ({"gamma": 1.5}, "a discount per turn is 0 to 1"),
        ({"rejection": "yes"}, "there are: off, sampling, stale, both"),
        ({"rejection_level": "token"}, "there are: episode, turn"),
        ({"rejection_lower": 1.1}, "give one above 0 with 1 in it"),
        ({"sampling_weights_max": 0.5}, "give bounds with 1 between them"),
        ({"ebpo_prior": "yes"}, "there are: batch, history"),
    ],
)
def test_what_would_erase_credit_or_do_nothing_is_refused_with_a_remedy(
    tmp_path: Path, given: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(BadUsage, match=remedy):
        arguments(tmp_path, **given)


def test_arguments_become_the_options_of_the_rules(tmp_path: Path) -> None:
    args = arguments(tmp_path, estimator="ebpo", gamma=0.5, rejection_upper=1.01, rejection_level="turn")
    assert (args.advantage_options.estimator, args.advantage_options.gamma) == ("ebpo", 0.5)
    assert (args.rejection_band.upper, args.rejection_band.level) == (1.01, "turn")


def test_arguments_can_be_written_down_as_json(tmp_path: Path) -> None:
    assert '"estimator": "trloo"' in arguments(tmp_path).to_json_string()
