"""What is logged of a batch, against numbers worked out by hand."""

import json
from math import sqrt

import pytest
import torch

from policies.training.collecting.collected import CollectedEpisode
from policies.training.trainer.telemetry import batch_metrics, summarize_rows, transcript, turn_rows
from sandboxes.contracts import Outcome
from tests.policies.training.played import collected, played

BATCH = [
    collected(played(Outcome.INCORRECT, 2.0)),
    collected(played(Outcome.COMPILE_ERROR, 0.5)),
    collected(played(Outcome.HACK)),
    collected(played(Outcome.INFRASTRUCTURE, 4.0)),
]
ADVANTAGES = torch.tensor([[1.0, 0.75], [-1.0, -0.75], [0.0, 0.0], [0.0, 0.0]])
SIZES = torch.tensor([[3, 2], [3, 2], [3, 0], [0, 0]])


@pytest.fixture
def numbers() -> dict[str, float]:
    return batch_metrics(BATCH, ADVANTAGES, SIZES)


def test_rates_of_a_turn_are_over_the_episodes_that_reached_it_and_were_not_lost(numbers: dict[str, float]) -> None:
    assert numbers["turn_1/reached"] == 1.0
    assert numbers["turn_2/reached"] == pytest.approx(2 / 3)
    assert (numbers["turn_1/correct"], numbers["turn_2/correct"]) == (0.0, 1.0)
    assert numbers["turn_1/hacked"] == pytest.approx(1 / 3)
    assert numbers["turn_1/compiled"] == pytest.approx(1 / 3), "what computes wrong values was compiled"
    assert (numbers["turn_2/fast_1"], numbers["turn_2/fast_2"]) == (0.5, 0.5)


def test_rates_of_episodes_do_not_rise_because_some_never_reached_a_turn(numbers: dict[str, float]) -> None:
    assert numbers["episode/correct"] == pytest.approx(2 / 3)
    assert numbers["episode/fast_1.5"] == pytest.approx(1 / 3)
    assert numbers["episode/best_reward"] == pytest.approx((3.0 + 1.5 + 0.0) / 3)


def test_lost_episodes_are_counted_as_lost_and_nowhere_else(numbers: dict[str, float]) -> None:
    assert numbers["episode/lost"] == 0.25
    assert numbers["turn_2/speedup"] == pytest.approx(sqrt(2.0 * 0.5)), "the lost episode's 4.0 is not in it"
    assert numbers["masked/uncounted"] == pytest.approx(2 / 7)


def test_advantages_and_the_histogram_of_group_sizes_are_told_by_turn(numbers: dict[str, float]) -> None:
    assert numbers["turn_1/advantage_mean"] == 0.0
    assert numbers["turn_1/advantage_std"] == pytest.approx(sqrt(2 / 3))
    assert numbers["turn_2/advantage_std"] == pytest.approx(0.75)
    assert (numbers["turn_1/group_size_3"], numbers["turn_2/group_size_2"]) == (1.0, 1.0)
    assert "turn_1/group_size_2" not in numbers


def test_the_slowest_verdict_shows(numbers: dict[str, float]) -> None:
    assert numbers["evaluation/seconds_p50"] == 1.0
    assert numbers["evaluation/seconds_p99"] == numbers["evaluation/seconds_max"] == 2.0


def test_rows_of_several_processes_make_the_numbers_of_one(numbers: dict[str, float]) -> None:
    halves = [turn_rows(BATCH[part], ADVANTAGES[part], SIZES[part]) for part in (slice(2), slice(2, 4))]
    sent = json.loads(json.dumps(halves))
    assert summarize_rows([*sent[0], *sent[1]]) == numbers


def test_episodes_that_were_only_priced_are_in_no_rate() -> None:
    priced = played(2.0)
    unjudged = CollectedEpisode(played=priced, rewards=(None,), counted=(False,), learned=(False,))
    numbers = batch_metrics([collected(played(1.0)), unjudged], torch.zeros(2, 1), torch.zeros(2, 1, dtype=torch.long))
    assert (numbers["episode/unjudged"], numbers["episode/lost"]) == (0.5, 0.0)
    assert (numbers["episode/return"], numbers["episode/fast_2"]) == (2.0, 0.0)
    assert numbers["turn_1/reached"] == 1.0


def test_turns_that_are_cut_off_or_not_learned_show() -> None:
    episode = collected(played(1.0, 1.0, stopped=False), learned=(True, False))
    numbers = batch_metrics([episode], torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.long))
    assert (numbers["turn_1/learned"], numbers["turn_2/learned"], numbers["masked/unlearned"]) == (1.0, 0.0, 0.5)
    assert numbers["turn_1/cut_off"] == 1.0


def test_a_batch_of_which_everything_was_lost_says_so_and_does_not_fail() -> None:
    lost = collected(played(Outcome.INFRASTRUCTURE))
    numbers = batch_metrics([lost], torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.long))
    assert numbers["episode/lost"] == 1.0
    assert "episode/return" not in numbers
    assert batch_metrics([], torch.zeros(0, 0), torch.zeros(0, 0)) == {}


def test_a_transcript_reads_as_a_conversation_with_the_worth_of_each_turn() -> None:
    assert transcript(played(Outcome.INCORRECT, 2.0, stopped=False)).splitlines() == [
        "=== core/softmax: finished, rewards 0, 3", "",
        "--- user", "Write a kernel.", "",
        "--- turn 1: reward 0, wrong result, 2 tokens, cut off", "kernel 1", "",
        "--- user", "Turn 1: incorrect", "",
        "--- turn 2: reward 3, correct, 2×, 2 tokens, cut off", "kernel 2",
    ]  # fmt: skip
