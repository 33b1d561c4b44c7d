"""Data sets out of runs: what is chosen, what is in a row, and that `datasets` reads it back."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.chat import Message, Role
from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.metrics import View, correct_rate, mean_reward
from kernelgym.runs.export import Format, Limits, export, files
from kernelgym.runs.folder import RunFolder
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord, encodable
from kernelgym.settings import Settings
from sandboxes.contracts import Outcome
from tests.kernelgym.runs.test_folder import RECORD
from tests.policies.episodes import episode

HOSTILE = "```python\n\0\x1b[2J{{ 7*7 }}</script>\ud800\udfff\U0001f600\n```" + "x" * 2**22


def played(*verdicts: Outcome | float, sample: int = 0, problem: str = "core/softmax") -> EpisodeRecord:
    """An episode whose candidates are told apart by their number and sample."""
    record = episode(*verdicts, sample=sample, problem=problem)
    return record.model_copy(
        update={"turns": tuple(sent(turn, f"{problem} {sample} {turn.number}") for turn in record.turns)}
    )


def sent(turn: TurnRecord, candidate: str) -> TurnRecord:
    report = turn.report.model_copy(update={"submission": candidate})
    return turn.model_copy(update={"completion": f"completion {candidate}", "report": report})


def folder(path: Path, *episodes: EpisodeRecord) -> Path:
    with RunFolder(path, RECORD) as opened:
        for record in episodes:
            opened.append(record)
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def exported(tmp_path: Path, format_: Format, limits: Limits, *episodes: EpisodeRecord) -> list[dict[str, Any]]:
    run = folder(tmp_path / "run", *episodes)
    export([run], tmp_path / "out.jsonl", format_, limits)
    return rows(tmp_path / "out.jsonl")


def turns_of(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(row["sample"], row["turn"]) for row in found]


def test_the_best_turn_is_chosen_also_before_an_error_of_the_policy_and_never_of_lost_episodes(tmp_path: Path) -> None:
    found = exported(
        tmp_path, Format.SFT, Limits(outcomes=frozenset({Outcome.OK})),
        played(Outcome.INCORRECT, 2.0, 1.5), played(0.5, Outcome.INFRASTRUCTURE, 3.0, sample=1),
        episode(2.0, sample=2, error=Loss.POLICY), played(Outcome.HACK, sample=3), played(1.2, sample=4),
        episode(4.0, sample=5, error=Loss.INFRASTRUCTURE), episode(sample=6, error=Loss.POLICY),
    )  # fmt: skip
    assert turns_of(found) == [(0, 2), (2, 1), (4, 1)]


def test_a_row_is_what_the_policy_was_shown_and_answered(tmp_path: Path) -> None:
    (row,) = exported(tmp_path, Format.SFT, Limits(), played(Outcome.INCORRECT, 2.0))
    assert row["prompt"] == [
        {"role": "user", "content": "Write a kernel."},
        {"role": "assistant", "content": "completion core/softmax 0 1"},
        {"role": "user", "content": "Turn 1: incorrect"},
    ]
    assert row["completion"] == [{"role": "assistant", "content": "completion core/softmax 0 2"}]
    told = {name: row[name] for name in ("run", "problem", "sample", "turn", "policy", "target", "outcome", "speedup")}
    assert told == {
        "run": "run", "problem": "core/softmax", "sample": 0, "turn": 2, "policy": "test", "target": "h200",
        "outcome": "ok", "speedup": 2.0,
    }  # fmt: skip
    assert row["reward"] == pytest.approx(1 + 2.0 + 0.8)


def test_a_chat_in_which_only_some_turns_were_kept_is_exported_as_it_was(tmp_path: Path) -> None:
    record = played(Outcome.INCORRECT, 2.0, 3.0)
    messages = (
        Message(role=Role.USER, content="the task"),
        Message(role=Role.ASSISTANT, content="completion core/softmax 0 2"),
        Message(role=Role.USER, content="feedback 2"),
    )
    chats: tuple[tuple[int, ...], ...] = ((0,), (0,), (0, 1, 2))
    turns = tuple(turn.model_copy(update={"chat": chat}) for turn, chat in zip(record.turns, chats, strict=True))
    record = record.model_copy(update={"messages": messages, "turns": turns})
    row, _, third = exported(tmp_path, Format.RL, Limits(best=False, distinct=False), record)
    assert [message["content"] for message in row["prompt"]] == ["the task"]
    assert [message["content"] for message in third["prompt"]] == [message.content for message in messages]


def test_all_turns_are_there_for_reinforcement_learning_failures_too(tmp_path: Path) -> None:
    found = exported(
        tmp_path, Format.RL, Limits(best=False, distinct=False), played(Outcome.HACK, Outcome.NO_CODE, 2.0)
    )
    assert [row["outcome"] for row in found] == ["hack", "no_code", "ok"]
    assert [row["reward"] for row in found[:2]] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(min_speedup=1.5), [(0, 1), (2, 1)]),
        (Limits(min_reward=3.9), [(2, 1)]),
        (Limits(max_per_problem=1), [(2, 1)]),
        (Limits(max_per_problem=2), [(0, 1), (2, 1)]),
        (Limits(outcomes=frozenset({Outcome.INCORRECT})), [(3, 1)]),
        (Limits(), [(0, 1), (1, 1), (2, 1), (3, 1)]),
    ],
)
def test_limits_leave_out_what_they_say(tmp_path: Path, limits: Limits, expected: list[tuple[int, int]]) -> None:
    episodes = [played(2.0), played(1.2, sample=1), played(2.5, sample=2), played(Outcome.INCORRECT, sample=3)]
    assert turns_of(exported(tmp_path, Format.SFT, limits, *episodes)) == expected


def test_the_same_candidate_is_exported_once_with_its_best_result(tmp_path: Path) -> None:
    def same(record: EpisodeRecord) -> EpisodeRecord:
        return record.model_copy(update={"turns": tuple(sent(turn, "the same") for turn in record.turns)})

    episodes = [same(played(2.0)), same(played(2.5, sample=1)), played(1.0, sample=2),
                same(played(3.0, problem="core/matmul"))]  # fmt: skip
    found = exported(tmp_path, Format.SFT, Limits(), *episodes)
    assert [(row["problem"], row["sample"]) for row in found] == [
        ("core/matmul", 0), ("core/softmax", 1), ("core/softmax", 2),
    ]  # fmt: skip


def test_problems_are_counted_over_all_runs(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", played(2.0), played(Outcome.HACK, problem="core/matmul"))
    two = folder(tmp_path / "two", played(Outcome.INCORRECT, 1.0), episode(error=Loss.SKIPPED, sample=1))
    done = export([one, two], tmp_path / "out.jsonl", Format.PROMPTS, Limits())
    matmul, softmax = rows(tmp_path / "out.jsonl")
    assert (matmul["problem"], matmul["samples"], matmul["correct"]) == ("core/matmul", 1, 0.0)
    assert (softmax["samples"], softmax["correct"], softmax["best_speedup"]) == (2, 1.0, 2.0)
    assert softmax["mean_reward"] == pytest.approx((3.8 + 2.8) / 2)
    assert (done.rows, done.problems, done.left_out) == (2, 2, {"lost": 1})


def test_runs_of_the_same_name_are_told_apart_and_none_is_exported_twice(tmp_path: Path) -> None:
    first, second = (folder(tmp_path / parent / "run", played(2.0)) for parent in ("a", "b"))
    export([first, second], tmp_path / "out.jsonl", Format.RL, Limits(distinct=False))
    assert {row["run"] for row in rows(tmp_path / "out.jsonl")} == {str(first), str(second)}
    with pytest.raises(BadUsage, match="is named twice"):
        export([first, first.parent / "." / "run"], tmp_path / "out.jsonl", Format.RL, Limits())


def test_an_error_of_the_policy_counts_in_a_problems_difficulty_as_it_does_in_metrics(tmp_path: Path) -> None:
    episodes = [
        episode(error=Loss.POLICY, forfeit=-1.0), episode(Outcome.INCORRECT, sample=1, error=Loss.POLICY),
        played(2.0, sample=2), episode(sample=3, error=Loss.INFRASTRUCTURE),
    ]  # fmt: skip
    (row,) = exported(tmp_path, Format.PROMPTS, Limits(), *episodes)
    assert (row["samples"], row["prompt"][0]["content"]) == (3, "Write a kernel.")
    assert row["correct"] == pytest.approx(correct_rate(episodes, 3, View.BEST))
    assert row["mean_reward"] == pytest.approx(mean_reward(episodes, 3, View.BEST)) == pytest.approx(2.8 / 3)


def test_what_holds_no_turn_is_no_trajectory_and_a_problem_that_nobody_answered_has_no_prompt(tmp_path: Path) -> None:
    silent, broken = episode(error=Loss.POLICY), episode(2.0, sample=1, error=Loss.POLICY)
    run = folder(tmp_path / "run", silent, broken, episode(problem="core/matmul", error=Loss.POLICY))
    for format_, left_out in ((Format.TRAJECTORIES, 2), (Format.PROMPTS, 1)):
        done = export([run], tmp_path / "out.jsonl", format_, Limits())
        assert (done.rows, done.left_out) == (1, {"lost": left_out})
        assert [row["problem"] for row in rows(tmp_path / "out.jsonl")] == ["core/softmax"]


def test_a_trajectory_has_every_message_once_and_says_which_were_shown(tmp_path: Path) -> None:
    (row,) = exported(tmp_path, Format.TRAJECTORIES, Limits(), played(Outcome.INCORRECT, Outcome.HACK, 2.0))
    assert ([turn["outcome"] for turn in row["turns"]], row["best_turn"]) == (["incorrect", "hack", "ok"], 3)
    assert [turn["shown"] for turn in row["turns"]] == [[0], [0, 1, 2], [0, 1, 2, 3, 4]]
    assert [turn["speedup"] for turn in row["turns"]] == [None, None, 2.0]
    assert len(row["messages"]) == 5


@pytest.mark.parametrize("format_", list(Format))
def test_datasets_reads_both_kinds_of_file_back(tmp_path: Path, format_: Format) -> None:
    datasets = pytest.importorskip("datasets")
    run = folder(tmp_path / "run", played(Outcome.INCORRECT, 2.0), played(1.5, Outcome.TIMEOUT, sample=1))
    limits = Limits(best=False, distinct=False)
    for name, builder in (("out.parquet", "parquet"), ("out.jsonl", "json")):
        export([run], tmp_path / name, format_, limits)
        loaded = datasets.load_dataset(
            builder, data_files=str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert [strict(row) for row in loaded] == rows_of(tmp_path, run, format_, limits)


def rows_of(tmp_path: Path, run: Path, format_: Format, limits: Limits) -> list[dict[str, Any]]:
    export([run], tmp_path / "again.jsonl", format_, limits)
    return rows(tmp_path / "again.jsonl")


def strict(row: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(row))  # type: ignore[no-any-return]


def test_a_hostile_completion_survives_and_is_bounded(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    record = played(2.0)
    turn = record.turns[0].model_copy(update={"completion": encodable(HOSTILE)})
    run = folder(tmp_path / "run", record.model_copy(update={"turns": (turn,)}))
    export([run], tmp_path / "out.parquet", Format.SFT, Limits())
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "out.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded[0]["completion"][0]["content"] == encodable(HOSTILE)
    assert (tmp_path / "out.parquet").stat().st_size < 2**20


def test_many_rows_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(files, "GROUP_CHARACTERS", 500)
    run = folder(tmp_path / "run", *(played(2.0, sample=sample) for sample in range(3)))
    export([run], tmp_path / "out.parquet", Format.SFT, Limits())
    found = parquet.ParquetFile(tmp_path / "out.parquet")
    assert (found.metadata.num_rows, found.num_row_groups > 1) == (3, True)


def command(*arguments: object) -> Result:
    services = Services(settings=Settings())
    return CliRunner().invoke(app, ["export", *map(str, arguments)], obj=services, catch_exceptions=False)


def test_the_command_says_what_it_wrote_and_what_it_left_out(tmp_path: Path) -> None:
    run = folder(
        tmp_path / "run",
        played(Outcome.INCORRECT, 2.0),
        played(Outcome.HACK, sample=1),
        episode(Outcome.INFRASTRUCTURE, sample=2),
    )
    done = command(run, "--out", tmp_path / "out.jsonl")
    assert done.exit_code == ExitCode.VERDICT, done.stderr
    assert done.stdout.strip().endswith("out.jsonl: 1 row of 1 problem; left out: 1 limit, 1 lost, 1 worse")
    assert len(rows(tmp_path / "out.jsonl")) == 1
    done = command(run, "--out", tmp_path / "all.jsonl", "--format", "rl", "--json")
    assert json.loads(done.stdout)["rows"] == len(rows(tmp_path / "all.jsonl")) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.csv"], "--out is 'x.csv'; give a name that ends in .parquet or .jsonl"),
        (["--out", "x.jsonl", "--format", "stf"], "no format is called 'stf'; did you mean 'sft'?"),
        (["--out", "x.jsonl", "--only", "okay"], "no outcome is called 'okay'; did you mean 'ok'?"),
        (["--out", "x.jsonl", "--min-speedup", "99"], "nothing is left to export (1 limit); ask for less"),
    ],
)
def test_bad_usage_is_one_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run = folder(tmp_path / "run", played(2.0))
    done = command(run, *arguments)
    assert (done.exit_code, done.stdout) == (ExitCode.USAGE, "")
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format_", [Format.PROMPTS, Format.TRAJECTORIES])
@pytest.mark.parametrize(
    "option",
    ["--best", "--all-turns", "--only ok", "--min-reward 0", "--min-speedup 0", "--duplicates", "--max-per-problem 1"],
)
def test_an_option_that_chooses_turns_is_refused_where_rows_are_none(
    tmp_path: Path, format_: Format, option: str
) -> None:
    run = folder(tmp_path / "run", played(2.0))
    done = command(run, "--out", tmp_path / "out.jsonl", "--format", format_, *option.split())
    assert done.exit_code == ExitCode.USAGE
    name = option.split()[0]
    assert f"--format {format_} takes every turn; leave out {name}, or give --format sft or rl" in done.stderr
    assert command(run, "--out", tmp_path / "out.jsonl", "--format", format_).exit_code == ExitCode.VERDICT


def test_a_missing_package_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    run = folder(tmp_path / "run", played(2.0))
    done = command(run, "--out", tmp_path / "out.parquet")
    assert "`pip install 'kernelgym[hf]'` installs it, or give --out FILE.jsonl" in done.stderr
    assert command(tmp_path / "nothing", "--out", tmp_path / "out.jsonl").exit_code == ExitCode.USAGE
