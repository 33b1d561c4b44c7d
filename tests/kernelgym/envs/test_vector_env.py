"""Many episodes at a time: independent, parallel, and none takes another's result."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

from kernelgym.envs import KernelEnv, KernelVectorEnv
from kernelgym.errors import BadUsage, EpisodeOver, EvaluatorBroken, InvalidReference, UnknownProblem
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem, select_problems
from kernelgym.registration import KERNEL_ENV
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.kernelgym.envs.script import Picky, Scripted, completion


class Failing(Scripted):
    """Raises for the word `raise`, as an evaluator whose service is gone."""

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if "# raise" in submission.source:
            raise EvaluatorBroken("nobody is there")
        return super().evaluate(submission, problem, config)


@pytest.fixture
def envs() -> Iterator[KernelVectorEnv]:
    made = KernelVectorEnv(3, evaluator=Failing(), max_turns=2)
    yield made
    made.close()


def words(*each: str) -> list[str]:
    return [completion(word) for word in each]


def test_make_vec_makes_this_one_without_an_automatic_reset() -> None:
    envs = gym.make_vec(KERNEL_ENV, num_envs=2, evaluator=Scripted())
    assert isinstance(envs, KernelVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    observations, _ = envs.reset()
    assert observations in envs.observation_space
    assert envs.action_space.sample() in envs.action_space
    envs.close()
    envs.close()


def test_a_step_plays_a_turn_of_every_episode(envs: KernelVectorEnv) -> None:
    tasks, infos = envs.reset(seed=3, options={"problem": "core/softmax"})
    assert len(set(tasks)) == 1
    assert infos["problem"].tolist() == ["core/softmax"] * 3
    observations, rewards, terminations, truncations, infos = envs.step(words("fast", "incorrect", "infrastructure"))
    assert [text.partition(" - ")[0] for text in observations] == [
        "Turn 1 of 2: ok", "Turn 1 of 2: incorrect", "Turn 1 of 2: infrastructure",
    ]  # fmt: skip
    assert rewards.tolist() == pytest.approx([4.85, 0.0, 0.0])
    assert not terminations.any()
    assert not truncations.any()
    assert infos["infrastructure"].tolist() == [False, False, True]
    assert infos["_reward"].tolist() == [True, True, False]
    _, _, terminations, truncations, _ = envs.step(words("slow", "fast", "infrastructure"))
    assert (terminations.tolist(), truncations.tolist()) == ([True, True, False], [False, False, True])


def test_an_ended_episode_is_named_and_can_be_reset_alone(envs: KernelVectorEnv) -> None:
    envs.reset(options={"problem": ["core/softmax", "core/matmul", "core/row_sum"]})
    with pytest.raises(gym.error.ResetNeeded, match="sub-environment 0"):
        KernelVectorEnv(1, evaluator=Scripted()).step([""])
    envs.step(words("slow", "raise", "slow"))
    with pytest.raises(EpisodeOver, match=r"sub-environment 1 \(core/matmul\)"):
        envs.step(words("slow", "slow", "slow"))
    options = {"reset_mask": np.array([False, True, False])}
    observations, infos = envs.reset(options=options)
    assert "reset_mask" in options, "wrappers read it, too"
    assert infos["_problem"].tolist() == [False, True, False]
    assert observations[0].startswith("Turn 1 of 2")
    observations, *_ = envs.step(words("slow", "slow", "slow"))
    assert [text[:11] for text in observations] == ["Turn 2 of 2", "Turn 1 of 2", "Turn 2 of 2"]


def test_an_exception_in_one_leaves_the_others_their_results(envs: KernelVectorEnv) -> None:
    envs.reset()
    observations, rewards, terminations, truncations, infos = envs.step(words("fast", "raise", "slow"))
    assert rewards.tolist() == pytest.approx([4.85, 0.0, 2.3])
    assert (terminations.tolist(), truncations.tolist()) == ([False] * 3, [False, True, False])
    assert infos["error"][1] == "EvaluatorBroken: nobody is there"
    assert infos["_error"].tolist() == [False, True, False]
    assert infos["infrastructure"].tolist() == [False, True, False]
    assert observations in envs.observation_space


def test_after_an_interrupt_all_have_to_be_reset() -> None:
    class Interrupted(Scripted):
        def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            raise KeyboardInterrupt

    envs = KernelVectorEnv(2, evaluator=Interrupted())
    envs.reset()
    with pytest.raises(KeyboardInterrupt):
        envs.step(words("slow", "slow"))
    with pytest.raises(gym.error.ResetNeeded, match=r"sub-environment 0 .* was interrupted; reset it"):
        envs.step(["", ""])
    envs.reset()
    assert envs.step(["", ""])[4]["outcome"].tolist() == ["no_code", "no_code"]
    envs.close()


def test_each_sub_environment_draws_for_itself(envs: KernelVectorEnv) -> None:
    def drawn(seed: int | list[int | None] | None = None) -> list[str]:
        return list(envs.reset(seed=seed)[1]["problem"])

    first = [drawn(5), drawn(), drawn()]
    assert first == [drawn(5), drawn(), drawn()]
    assert drawn([7, 6, 5])[::-1] == drawn(5)
    alone = KernelEnv(evaluator=Scripted())
    assert drawn(5) == [alone.reset(seed=seed)[1]["problem"] for seed in (5, 6, 7)]
    before = drawn([1, 2, 3]) and drawn()
    drawn([1, 2, 3])
    assert drawn([None, 9, None])[::2] == before[::2]


def test_actions_can_be_a_list_a_tuple_or_an_array_but_not_one_string(envs: KernelVectorEnv) -> None:
    envs.reset()
    envs.step(np.array(words("slow", "slow", "slow")))
    envs.step(tuple(words("slow", "slow", "slow")))
    envs.reset()
    for actions, message in [
        ("abc", "one string"),
        (["a"], "of 3 strings"),
        (["a", 1, "b"], "action 1 is of type int"),
    ]:
        with pytest.raises(BadUsage, match=message):
            envs.step(actions)  # type: ignore[arg-type]


def test_what_does_not_fit_the_number_of_environments_is_refused(envs: KernelVectorEnv) -> None:
    for seed, options in [
        ([1, 2], None),
        (None, {"problem": ["core/softmax"]}),
        (None, {"reset_mask": np.array([True])}),
        (None, {"reset_mask": np.array([0, 1, 1])}),
        (None, {"reset_mask": True}),
    ]:
        with pytest.raises(BadUsage):
            envs.reset(seed=seed, options=options)
    with pytest.raises(BadUsage, match=r"shape \(1,\) and dtype bool; give an array of 3 booleans"):
        envs.reset(options={"reset_mask": np.array([True])})
    with pytest.raises(BadUsage, match="reset has no option 'reset_masks'; did you mean 'reset_mask'"):
        envs.reset(options={"reset_masks": np.array([True] * 3)})
    with pytest.raises(BadUsage, match="num_envs is 0"):
        KernelVectorEnv(0)


def test_a_reset_that_fails_leaves_the_episodes_alone(envs: KernelVectorEnv) -> None:
    envs.reset()
    with pytest.raises(LookupError):
        envs.reset(options={"problem": "core/nothing"})
    assert envs.step(words("slow", "slow", "slow"))[1].tolist() == pytest.approx([2.3] * 3)


def test_a_mask_of_nothing_resets_nothing(envs: KernelVectorEnv) -> None:
    envs.reset(seed=1)
    observations, _, terminations, truncations, _ = envs.step(words("slow", "slow", "slow"))
    assert envs.reset(options={"reset_mask": terminations | truncations}) == (observations, {})
    observations, _, terminations, truncations, _ = envs.step(words("slow", "slow", "slow"))
    assert all(text.startswith("Turn 2 of 2") for text in observations)
    observations, infos = envs.reset(options={"reset_mask": terminations | truncations})
    assert infos["turn"].tolist() == [0, 0, 0]


def test_a_problem_that_cannot_be_described_costs_none_of_them_its_episode() -> None:
    envs = KernelVectorEnv(8, evaluator=Picky("core/add_relu"), problems="core/softmax,core/add_relu,core/row_sum")
    with pytest.warns(UserWarning, match="core/add_relu can't be used") as warned:
        drawn = [envs.reset(seed=5)[1]["problem"].tolist() for _ in range(2)]
    assert len(warned) == 1
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"core/softmax", "core/row_sum"}
    with pytest.raises(InvalidReference, match="core/add_relu"):
        envs.reset(options={"problem": ["core/add_relu", *["core/row_sum"] * 7]})
    envs.close()


def test_max_episode_steps_truncates() -> None:
    envs = gym.make_vec(KERNEL_ENV, num_envs=1, evaluator=Scripted(), max_episode_steps=1)
    envs.reset()
    assert [array.tolist() for array in envs.step(words("slow"))[2:4]] == [[False], [True]]
    envs.close()


@pytest.mark.parametrize("mode", ["vector_entry_point", "sync"])
def test_the_usual_wrappers_work(mode: str) -> None:
    inner: VectorEnv = gym.make_vec(  # type: ignore[type-arg]
        KERNEL_ENV, num_envs=4, vectorization_mode=mode, evaluator=Scripted(), max_turns=1
    )
    envs = DictInfoToList(RecordEpisodeStatistics(inner))
    envs.reset(seed=1)
    infos: list[dict[str, object]]
    *_, infos = envs.step(words("incorrect", "infrastructure", "fast", "hack"))  # type: ignore[assignment]
    assert [info["outcome"] for info in infos] == ["incorrect", "infrastructure", "ok", "hack"]
    assert all("episode" in info for info in infos)
    assert isinstance(infos[2]["report"], dict)
    assert infos[2]["report"]["profile"]["device"] == "NVIDIA H200 SXM"
    assert "profile" not in infos[0]["report"]  # type: ignore[operator]
    envs.close()


def test_all_turns_are_played_at_the_same_time() -> None:
    barrier = threading.Barrier(8)

    class Meeting(Scripted):
        def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            barrier.wait(timeout=20)
            return super().evaluate(submission, problem, config)

    envs = KernelVectorEnv(8, evaluator=Meeting())
    envs.reset()
    envs.step(words(*["slow"] * 8))
    envs.close()


def test_the_environment_costs_next_to_nothing() -> None:
    class Slow(Scripted):
        def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            time.sleep(0.5)
            return super().evaluate(submission, problem, config)

    envs = KernelVectorEnv(16, evaluator=Slow(), problems="core/softmax")
    envs.reset()
    start = time.monotonic()
    envs.step(words(*["slow"] * 16))
    assert time.monotonic() - start < 1.0
    envs.close()


@pytest.mark.slow
def test_one_local_evaluator_serves_all(evaluator: LocalEvaluator) -> None:
    envs = KernelVectorEnv(2, evaluator=evaluator, problems="core/add_relu")
    envs.reset()
    observations, *_, infos = envs.step(["no code", "```python\nclass ModelNew(:\n```"])
    assert infos["outcome"].tolist() == ["no_code", "syntax_error"]
    assert all(text.startswith("Turn 1 of 3") for text in observations)
    envs.close()


def test_a_problem_is_found_by_its_id_and_one_that_is_like_an_unknown_id_is_named(tmp_path: Path) -> None:
    (tmp_path / "unusual_name.py").write_text(get_problem("core/softmax").reference.source)
    envs = KernelVectorEnv(1, problems=f"file:{tmp_path / 'unusual_name.py'}")
    (own,) = [problem.id for problem in select_problems(f"file:{tmp_path / 'unusual_name.py'}")]
    assert envs.problem(own).id == own
    assert envs.problem("core/softmax").id == "core/softmax"
    with pytest.raises(UnknownProblem, match=f"did you mean '{own}'"):
        envs.problem(own.replace("unusual", "unusal"))
    envs.close()
