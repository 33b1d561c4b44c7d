"""Records survive the way to the disk and back."""

import json

import pytest
from pydantic import ValidationError

from kernelgym.reports.document import dump_line
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from kernelgym.runs.run_record import RunRecord
from rewards import drkernel_paper
from sandboxes.contracts import EvalConfig, Outcome
from tests.policies.episodes import episode
from tests.reports import failed_report


def there_and_back(record: EpisodeRecord) -> EpisodeRecord:
    line = dump_line(record.model_dump(mode="json"))
    assert "\n" not in line

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return EpisodeRecord.model_validate(json.loads(line, parse_constant=refuse))


@pytest.mark.parametrize(
    "record",
    [
        episode(Outcome.INCORRECT, Outcome.HACK, 2.5),  # the wrong one has an infinite error
        episode(Outcome.INFRASTRUCTURE),
        episode(error=Loss.SKIPPED),
        episode(1.0, error=Loss.POLICY),
    ],
)
def test_an_episode_survives_the_round_trip_as_strict_json(record: EpisodeRecord) -> None:
    assert there_and_back(record) == record


def test_half_a_character_in_a_completion_is_kept_as_an_escape() -> None:
    report = failed_report(Outcome.NO_CODE)
    turn = TurnRecord.of(1, "a\ud800\n\0b", report, drkernel_paper(report), "\udcff")
    assert (turn.completion, turn.observation) == ("a\\ud800\n\0b", "\\udcff")
    record = episode().model_copy(update={"turns": (turn,)})
    assert there_and_back(record) == record


def test_a_lost_turn_has_no_reward() -> None:
    assert episode(Outcome.INFRASTRUCTURE).turns[0].reward is None


def test_turns_are_numbered_without_gaps() -> None:
    turn = episode(1.0).turns[0]
    with pytest.raises(ValidationError, match="numbered"):
        EpisodeRecord(problem="p", sample=0, seed=0, policy="p", turns=(turn, turn))
    with pytest.raises(ValidationError, match="best_turn is 2"):
        EpisodeRecord(problem="p", sample=0, seed=0, policy="p", turns=(turn,), best_turn=2)


RUN = RunRecord(
    policy="demo", problems={"core/a": "1", "core/b": "2"}, samples=1, seed=0, turns=3, target_speedup=None,
    reward="drkernel_paper", config=EvalConfig(), versions={"torch": "2.13.0"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"turns": 5}, "turns is 3 there and 5 here"),
        ({"target_speedup": 2.0}, "target speedup is None there and 2.0 here"),
        ({"config": EvalConfig(target="a100")}, "target is h200 there and a100 here"),
        ({"versions": {"torch": "2.12.0"}}, "torch is 2.13.0 there and 2.12.0 here"),
        ({"problems": {"core/a": "1"}}, "core/b is only there"),
        ({"problems": {"core/a": "1", "core/b": "2", "core/c": "3", "core/d": "4"}}, "core/c, core/d are only here"),
        ({"problems": {"core/a": "1", "core/b": "9"}}, "the reference of core/b has changed"),
    ],
)
def test_a_difference_between_runs_is_named(change: dict[str, object], phrase: str) -> None:
    assert RUN.differences(RUN.model_copy(update=change)) == [phrase]


def test_equal_runs_do_not_differ() -> None:
    assert RUN.differences(RunRecord.model_validate_json(RUN.model_dump_json())) == []


def test_a_data_seed_that_is_left_open_is_no_difference_and_a_secret_is_not_named() -> None:
    secret = RUN.model_copy(update={"data_seed": "ab" * 16})
    assert secret.differences(RUN) == []
    assert secret.differences(RUN.model_copy(update={"data_seed": "7"})) == ["data seed is secret there and 7 here"]


def test_the_numbers_of_an_episode_hold_no_texts() -> None:
    record = episode(Outcome.INCORRECT, 2.0)
    bare = record.numbers()
    assert (bare.best_turn, bare.loss, bare.turns[1].report.speedup) == (2, None, 2.0)
    assert "Write a kernel" not in bare.model_dump_json()
    assert len(bare.model_dump_json()) < 0.75 * len(record.model_dump_json())
