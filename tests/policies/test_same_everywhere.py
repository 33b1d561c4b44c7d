"""The same completions give the same episode: as plain Python, in Gymnasium's environments, and in a run."""

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env
from typer.testing import CliRunner

from kernelgym.cli import app
from kernelgym.cli.services import Services
from kernelgym.envs import Episode, Options, Rules, Scaling
from kernelgym.problems import get_problem
from kernelgym.registration import KERNEL_ENV
from kernelgym.runs.reading import read_run
from kernelgym.runs.record import EpisodeRecord
from kernelgym.settings import Settings
from policies import policy, register_policy
from tests.kernelgym.envs.script import Scripted, completion, described
from tests.policies.episodes import ScriptedPlayer, ScriptedPolicy

CONVERSATIONS = {
    "turns are used up": (["incorrect", "slow", "hack"], {"max_turns": 3}, []),
    "the target is reached": (["slow", "fast", "slow"], {"target_speedup": 4.0}, ["--target-speedup", "4"]),
    "submitted with code": (["slow", "fast\nSUBMIT"], {"max_turns": 3}, []),
    "submitted alone": (["fast", "SUBMIT"], {"max_turns": 3}, []),
    "scaled": (
        ["slow", "incorrect", "fast", "hack", "timeout", "slow"],
        {"max_turns": 3, "iterations": 4, "keep": 2},
        ["--iterations", "4", "--keep", "2", "--no-confirm"],
    ),
    "scaled by the best window, no submission": (
        ["slow", "fast", "fast\nSUBMIT", "SUBMIT"],
        {"max_turns": 2, "iterations": 3, "keep": 1, "select": "window", "allow_submit": False},
        ["--turns", "2", "--iterations", "3", "--keep", "1", "--select", "window", "--no-submit"],
    ),
    "the whole history": (["slow", "incorrect", "fast"], {"max_turns": 3, "history": "full"}, ["--history", "full"]),
    "a lost last turn": (["slow", "infrastructure", "infrastructure"], {"max_turns": 3}, []),
}


def texts(words: list[str]) -> list[str]:
    parts = [word.partition("\n") for word in words]
    return [word if word == "SUBMIT" else completion(word) + rest for word, _, rest in parts]


@pytest.fixture(params=CONVERSATIONS)
def conversation(request: pytest.FixtureRequest) -> tuple[list[str], dict[str, Any], list[str]]:
    words, options, arguments = CONVERSATIONS[request.param]
    return texts(words), dict(options), arguments


def rules(options: dict[str, Any]) -> Rules:
    given = dict(options)
    if given.pop("iterations", 1) > 1:
        made = Options(**options).rules(Settings())
        assert isinstance(made.scaling, Scaling)
        return made
    return Rules(**given)


def played(completions: list[str], options: dict[str, Any]) -> Episode:
    problem, evaluator = get_problem("core/softmax"), Scripted()
    episode = Episode(problem, described(problem), rules(options))
    for text in completions:
        if not episode.done:
            episode.play(text, evaluator)
    assert episode.done
    return episode


def test_gymnasiums_environment_tells_what_an_episode_tells(
    conversation: tuple[list[str], dict[str, Any], list[str]],
) -> None:
    completions, options, _ = conversation
    expected = played(completions, options)
    env = gym.make(KERNEL_ENV, problems="core/softmax", evaluator=Scripted(), **options)
    observation, info = env.reset(seed=1)
    assert (observation, info["chat"][0]["content"]) == (expected.prompt, expected.prompt)
    best: list[float] = []
    ended = False
    for number, text in enumerate(completions, 1):
        if ended:
            break
        observation, reward, terminated, truncated, info = env.step(text)
        ended = terminated or truncated
        assert info["turn"] == min(number, len(expected.turns))
        assert info["max_turns"] == expected.rules.total_turns
        if number <= len(expected.turns):
            turn = expected.turns[number - 1]
            assert (observation, reward) == (turn.observation, turn.reward.value or 0.0)
            assert (info["outcome"], info["reward"]) == (turn.report.outcome, turn.reward.value)
        so_far = [turn.reward.value for turn in expected.turns[:number] if turn.reward.value is not None]
        best.append(info["best"]["reward"])
        assert best[-1] == max(so_far)
    assert ended
    assert best == sorted(best), "the best so far never gets worse"
    assert (terminated, truncated) == (expected.terminated, expected.truncated)
    assert info["submitted"] == expected.submitted
    assert [message["content"] for message in info["chat"]] == [message.content for message in expected.chat]
    env.close()


def test_the_vector_environment_tells_the_same(conversation: tuple[list[str], dict[str, Any], list[str]]) -> None:
    completions, options, _ = conversation
    expected = played(completions, options)
    envs = gym.make_vec(KERNEL_ENV, num_envs=2, problems="core/softmax", evaluator=Scripted(), **options)
    observations, _ = envs.reset(seed=1)
    assert observations == (expected.prompt,) * 2
    over = False
    for number, text in enumerate(completions, 1):
        if over:
            break
        observations, rewards, terminations, truncations, infos = envs.step([text, text])
        over = bool((terminations | truncations).any())
        if number <= len(expected.turns):
            turn = expected.turns[number - 1]
            assert observations == (turn.observation,) * 2
            assert rewards.tolist() == [turn.reward.value or 0.0] * 2
    assert terminations.tolist() == [expected.terminated] * 2
    assert truncations.tolist() == [expected.truncated] * 2
    assert expected.best is not None
    assert infos["best"]["turn"].tolist() == [expected.best.number] * 2
    assert infos["submitted"].tolist() == [expected.submitted] * 2
    envs.close()


def test_a_run_records_the_same(
    conversation: tuple[list[str], dict[str, Any], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    completions, options, arguments = conversation
    expected = played(completions, options)
    record = run(completions, arguments, tmp_path, monkeypatch)
    assert record.prompt == expected.prompt
    assert [(turn.completion, turn.observation, turn.reward) for turn in record.turns] == [
        (turn.completion, turn.observation, turn.reward.value) for turn in expected.turns
    ]
    assert (record.terminated, record.truncated, record.submitted) == (
        expected.terminated, expected.truncated, expected.submitted,
    )  # fmt: skip
    assert expected.best is not None
    assert record.best_turn == expected.best.number
    replayed = Episode(expected.problem, described(expected.problem), expected.rules)
    for turn in record.turns:
        assert record.chat(turn.number) == replayed.chat, "what the policy was shown can be read back"
        replayed.play(turn.completion, Scripted())
    assert len(set(record.messages)) == len(record.messages), "each message is kept once"


def run(completions: list[str], arguments: list[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> EpisodeRecord:
    monkeypatch.setattr(policy, "_registered", {})
    register_policy("saying", lambda: ScriptedPolicy(lambda: ScriptedPlayer(*completions)))
    command = ["run", "--problems", "core/softmax", "--policy", "saying", "--out", str(path / "run"), *arguments]
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: Scripted())
    result = CliRunner().invoke(app, command, obj=services, catch_exceptions=False)
    assert result.exit_code in (0, 3), result.stderr
    document = json.loads((path / "run" / "summary.json").read_text())
    (found,) = read_run(path / "run").episodes
    assert document["episodes"][0]["rewards"] == [turn.reward for turn in found.turns]
    return found


@pytest.mark.parametrize("options", [{}, {"max_turns": 2, "iterations": 3, "keep": 1}])
def test_gymnasiums_checker_has_nothing_to_say(options: dict[str, Any]) -> None:
    env = gym.make(KERNEL_ENV, problems="core/softmax", evaluator=Scripted(), **options)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()
