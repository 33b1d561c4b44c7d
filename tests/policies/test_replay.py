"""Replays: what was sent before is sent again, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from kernelgym.chat import Message, Role
from kernelgym.envs import Rules
from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.problems import get_problem
from kernelgym.runs.record import EpisodeRecord, Loss
from policies import get_policy
from policies.replay import ReplayPolicy
from policies.rollouts import rollout
from policies.scripted import DemoPolicy
from tests.policies.episodes import CODE, LightEvaluator, episode, judge

SOFTMAX, MATMUL = get_problem("core/softmax"), get_problem("core/matmul")
CHAT = (Message(role=Role.USER, content="anything"),)


def row(*completions: str, problem: str = "core/softmax", **fields: object) -> dict[str, Any]:
    return {"problem": problem, "completions": list(completions), **fields}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


def said(policy: ReplayPolicy, times: int, seed: int = 0) -> list[str]:
    player = policy.begin(SOFTMAX, seed)
    return [player.act(CHAT).text for _ in range(times)]


def play(policy: Any, turns: int = 2) -> list[EpisodeRecord]:
    records = rollout(policy, [SOFTMAX, MATMUL], LightEvaluator(judge), Rules(max_turns=turns), samples=3, seed=4)
    return sorted(records, key=lambda record: record.key)


def test_a_runs_folder_is_played_again_as_it_was(tmp_path: Path) -> None:
    first = play(DemoPolicy())
    write(tmp_path / "episodes.jsonl", *(record.model_dump(mode="json") for record in first))
    again = play(ReplayPolicy(str(tmp_path)))
    for before, after in zip(first, again, strict=True):
        assert before.key == after.key
        assert [turn.completion for turn in before.turns] == [turn.completion for turn in after.turns]
        assert [turn.reward for turn in before.turns] == [turn.reward for turn in after.turns]


def test_a_file_of_lines_is_played_by_problem_and_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "said.jsonl", row("a", "b"), row("c", sample=1), row("d", problem="core/matmul"))
    policy = ReplayPolicy(path)
    assert said(policy, 2, seed=7000) == ["a", "b"], "whatever the run's seed"
    assert said(policy, 1, seed=1) == ["c"]


def test_after_the_last_completion_it_is_repeated(tmp_path: Path) -> None:
    assert said(ReplayPolicy(write(tmp_path / "x", row("a", "b"))), 4) == ["a", "b", "b", "b"]


def test_an_episode_that_was_submitted_is_submitted_again(tmp_path: Path) -> None:
    record = episode(2.0).model_copy(update={"submitted": True})
    write(tmp_path / "episodes.jsonl", record.model_dump(mode="json"))
    (again,) = rollout(ReplayPolicy(str(tmp_path)), [SOFTMAX], LightEvaluator(judge), Rules(max_turns=5))
    assert ([turn.completion for turn in again.turns], again.submitted) == ([CODE], True)


def test_the_last_line_of_an_episode_counts(tmp_path: Path) -> None:
    assert said(ReplayPolicy(write(tmp_path / "x", row("a"), row("b"))), 1) == ["b"]
    with pytest.raises(BadUsage, match="holds no completions"):
        ReplayPolicy(write(tmp_path / "y", row("a"), row()))


def test_a_problem_without_completions_stops_all_before_anything_is_played(tmp_path: Path) -> None:
    evaluator = LightEvaluator(judge)
    policy = ReplayPolicy(write(tmp_path / "x", row("a")))
    with pytest.raises(BadUsage, match="holds no completions for core/matmul; play problems that it holds"):
        list(rollout(policy, [SOFTMAX, MATMUL], evaluator, Rules()))
    assert evaluator.requests == []


def test_a_sample_without_completions_ends_its_own_episode(tmp_path: Path) -> None:
    policy = ReplayPolicy(write(tmp_path / "x", row(CODE)))
    records = list(rollout(policy, [SOFTMAX], LightEvaluator(judge), Rules(max_turns=1), samples=2))
    errors = {record.sample: record.error.message if record.error else None for record in records}
    assert errors[0] is None
    assert "holds no completions for sample 1 of core/softmax, only for 1 others (the first is 0)" in str(errors[1])


def test_the_name_follows_from_what_is_said_and_not_from_where_it_is(tmp_path: Path) -> None:
    first, copy = (
        write(tmp_path / "x", row("a"), row("b", sample=1)),
        write(tmp_path / "y", row("b", sample=1), row("a")),
    )
    other = write(tmp_path / "z", row("a"), row("c", sample=1))
    assert ReplayPolicy(first).name == ReplayPolicy(copy).name != ReplayPolicy(other).name


def test_half_a_last_line_of_a_run_is_dropped_and_of_a_file_refused(tmp_path: Path) -> None:
    write(tmp_path / "episodes.jsonl", episode(2.0).model_dump(mode="json"))
    with (tmp_path / "episodes.jsonl").open("a") as file:
        file.write('{"problem": "core/so')
    assert said(ReplayPolicy(str(tmp_path)), 1) == [CODE]
    write(tmp_path / "said.jsonl", row("a"))
    with (tmp_path / "said.jsonl").open("a") as file:
        file.write('{"problem": "core/so')
    with pytest.raises(BadUsage, match=r"line 2 of .* is no recording"):
        ReplayPolicy(str(tmp_path / "said.jsonl"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n", "line 1 of"),
        ("[" * 100_000, "line 1 of"),
        ("[1]\n", "is no recording (Input should be an object"),
        ('\n{"completions": ["a"]}\n', "line 2 of"),
        ('{"completions": ["a"]}\n', "(problem: Field required)"),
        (
            '{"problem": "p", "sample": -1, "completions": ["a"]}\n',
            "(sample: Input should be greater than or",
        ),
        ('{"problem": "p", "sample": "0", "completions": ["a"]}\n', "(sample: Input should be a valid integer)"),
        ('{"problem": "p"}\n', "(completions: Field required)"),
        ('{"problem": "p", "completions": "a"}\n', "(completions: Input should be a valid"),
        ('{"problem": "p", "completions": [1]}\n', "(completions.0: Input should be a valid string)"),
        ('{"problem": "p", "completions": []}\n', "holds no completions; give another path"),
        ("", "holds no completions; give another path"),
        ("\n\n", "holds no completions"),
    ],
)
def test_what_is_no_recording_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(BadUsage) as caught:
        ReplayPolicy(str(tmp_path / "x"))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_path_that_is_missing_or_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="needs the option `path`; add --policy-option path=VALUE"):
        get_policy("replay")
    with pytest.raises(BadUsage, match=r"nowhere can't be read \(No such file"):
        get_policy("replay", {"path": str(tmp_path / "nowhere")})
    with pytest.raises(KernelGymError, match=str(tmp_path)):
        get_policy("replay", {"path": str(tmp_path)})


def test_an_episode_that_the_policy_failed_fails_again_at_the_same_place(tmp_path: Path) -> None:
    early, late = episode(error=Loss.POLICY), episode(2.0, sample=1, error=Loss.POLICY)
    write(tmp_path / "episodes.jsonl", *(one.model_dump(mode="json") for one in (early, late)))
    again = list(rollout(ReplayPolicy(str(tmp_path)), [SOFTMAX], LightEvaluator(judge), Rules(max_turns=3), samples=2))
    assert {record.sample: (len(record.turns), record.loss) for record in again} == {
        0: (0, Loss.POLICY),
        1: (1, Loss.POLICY),
    }


def test_what_was_lost_or_never_recorded_counts_against_nobody(tmp_path: Path) -> None:
    lost = episode(2.0, error=Loss.INFRASTRUCTURE)
    write(tmp_path / "episodes.jsonl", lost.model_dump(mode="json"))
    again = list(rollout(ReplayPolicy(str(tmp_path)), [SOFTMAX], LightEvaluator(judge), Rules(max_turns=3), samples=2))
    assert {record.sample: (len(record.turns), record.loss) for record in again} == {
        0: (1, Loss.INFRASTRUCTURE),
        1: (0, Loss.INFRASTRUCTURE),
    }


def test_a_run_whose_first_sample_is_missing_is_played_for_the_others(tmp_path: Path) -> None:
    policy = ReplayPolicy(write(tmp_path / "x", row(CODE, sample=1)))
    records = rollout(policy, [SOFTMAX], LightEvaluator(judge), Rules(max_turns=1), samples=2)
    assert {record.sample: record.loss for record in records} == {0: Loss.INFRASTRUCTURE, 1: None}
