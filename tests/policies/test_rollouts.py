"""Rollouts: every episode is played and recorded, whatever happens to the others."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kernelgym.chat import Completion, Message, Role, Usage
from kernelgym.envs import Rules, Turn
from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from kernelgym.metrics import mean_reward
from kernelgym.metrics.costs import total_costs
from kernelgym.problems import Problem, get_problem
from kernelgym.runs.record import EpisodeRecord, Key, Loss
from policies.errors import PolicyBroken, PolicyUnavailable
from policies.policy import Player
from policies.rollouts import rollout
from policies.scripted import DemoPolicy
from policies.session import episode_seed
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from tests.policies.episodes import CODE, LightEvaluator, ScriptedPlayer, ScriptedPolicy, fast_report, judge
from tests.reports import failed_report

SOFTMAX, MATMUL = get_problem("core/softmax"), get_problem("core/matmul")
RULES = Rules(max_turns=2)


def always(report: Report) -> Callable[[Submission, Problem, EvalConfig], Report]:
    return lambda submission, problem, config: report


def by_key(records: list[EpisodeRecord]) -> dict[Key, EpisodeRecord]:
    found = {record.key: record for record in records}
    assert len(found) == len(records), "every episode once"
    return found


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_every_problem_is_played_as_often_as_asked(concurrency: int) -> None:
    records = list(rollout(DemoPolicy(), [SOFTMAX, MATMUL], LightEvaluator(judge), RULES, samples=3,
                           concurrency=concurrency))  # fmt: skip
    found = by_key(records)
    assert sorted(found) == [(problem, sample) for problem in ("core/matmul", "core/softmax") for sample in range(3)]
    outcomes = [[turn.report.outcome for turn in found["core/matmul", sample].turns] for sample in range(3)]
    assert outcomes == [[Outcome.INCORRECT, Outcome.OK], [Outcome.OK, Outcome.OK], [Outcome.HACK, Outcome.OK]]
    assert all(record.best_turn == 2 and record.terminated and record.loss is None for record in records)


def test_a_record_holds_what_was_said() -> None:
    policy = ScriptedPolicy(lambda: ScriptedPlayer("I refuse.", CODE))
    (record,) = rollout(policy, [SOFTMAX], LightEvaluator(always(fast_report(2.0))), RULES, seed=4)
    assert (record.policy, record.seed, record.sample) == ("scripted", 4000, 0)
    assert record.prompt == policy.players[-1].observations[0]
    assert [turn.completion for turn in record.turns] == ["I refuse.", CODE]
    assert [turn.report.outcome for turn in record.turns] == [Outcome.NO_CODE, Outcome.OK]
    assert policy.players[-1].observations[1] == record.turns[0].observation
    assert record.turns[1].reward == pytest.approx(sum(term.value for term in record.turns[1].breakdown))


def test_an_episode_ends_when_the_target_is_reached() -> None:
    rules = Rules(max_turns=5, target_speedup=2.0)
    (record,) = rollout(ScriptedPolicy(), [SOFTMAX], LightEvaluator(always(fast_report(2.0))), rules)
    assert (len(record.turns), record.terminated) == (1, True)


def test_the_same_seed_gives_the_same_completions_and_another_gives_others() -> None:
    def completions(seed: int) -> list[str]:
        (record,) = rollout(DemoPolicy(), [SOFTMAX], LightEvaluator(judge), RULES, seed=seed)
        return [turn.completion for turn in record.turns]

    assert completions(0) == completions(0)
    assert completions(0) != completions(1)


def test_seeds_of_different_runs_never_meet() -> None:
    seeds = {episode_seed(run, sample) for run in range(5) for sample in range(1000)}
    assert len(seeds) == 5000


@pytest.mark.parametrize("fault", [ValueError("no tokens left"), SystemError("x"), AssertionError(), SystemExit(0)])
def test_a_policy_that_raises_ends_its_episode_and_no_other(fault: Exception | SystemExit) -> None:
    class Sometimes(ScriptedPolicy):
        def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
            def act(observation: str) -> str:
                if seed == 1 and observation.startswith("Turn 1"):
                    raise fault
                return CODE

            return ScriptedPlayer(act=act)

    found = by_key(list(rollout(Sometimes(), [SOFTMAX], LightEvaluator(always(fast_report(1.0))), RULES, samples=3)))
    broken = found["core/softmax", 1]
    assert broken.error is not None
    assert broken.error.message == f"{type(fault).__name__}: {fault}"
    assert (broken.loss, len(broken.turns)) == (Loss.POLICY, 1)
    assert [found["core/softmax", sample].loss for sample in (0, 2)] == [None, None]


@pytest.mark.parametrize(
    ("reward", "fault", "played", "worth"),
    [
        ("drkernel_guarded", ValueError("context is full"), 1, 0.0),
        ("drkernel_like_kernel", ValueError("context is full"), 1, -1.0),
        ("drkernel_like_kernel", ValueError("context is full"), 0, -1.0),
        ("drkernel_like_kernel", PolicyBroken("down"), 1, None),
    ],
)
def test_an_error_of_the_policy_is_worth_a_completion_without_code_so_that_overflowing_never_pays(
    reward: str, fault: Exception, played: int, worth: float | None
) -> None:
    def act(observation: str) -> str:
        if observation.startswith("Turn 1") or not played:
            raise fault
        return CODE

    policy = ScriptedPolicy(lambda: ScriptedPlayer(act=act))
    rules = Rules(max_turns=3, reward=reward)
    (found,) = rollout(policy, [SOFTMAX], LightEvaluator(always(fast_report(1.0))), rules)
    assert found.error is not None
    assert (len(found.turns), found.error.reward, found.forfeit) == (played, worth, worth or 0.0)
    if worth is not None:
        assert mean_reward([found], 2) == worth


@pytest.mark.parametrize(("fault", "confirmed"), [(ValueError("context is full"), True), (PolicyBroken("down"), False)])
def test_what_the_policy_had_before_it_failed_is_confirmed_and_what_was_lost_is_not(
    fault: Exception, confirmed: bool
) -> None:
    def act(observation: str) -> str:
        if observation.startswith("Turn 1"):
            raise fault
        return CODE

    policy = ScriptedPolicy(lambda: ScriptedPlayer(act=act))
    (found,) = rollout(policy, [SOFTMAX], LightEvaluator(always(fast_report(1.0))), RULES, confirm=True)
    assert found.error is not None
    assert (found.confirmation is not None) is confirmed


def test_a_policy_that_returns_no_text_is_told_so() -> None:
    (record,) = rollout(ScriptedPolicy(lambda: ScriptedPlayer(None)), [SOFTMAX], LightEvaluator(judge), RULES)
    assert record.error is not None
    assert "returned NoneType instead of text" in record.error.message


def test_a_policy_that_can_not_begin_later_loses_that_episode() -> None:
    class Moody(ScriptedPolicy):
        def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
            if seed == 1:
                raise OSError("too many connections")
            return super().begin(problem, seed)

    records = by_key(list(rollout(Moody(), [SOFTMAX], LightEvaluator(always(fast_report(1.0))), RULES, samples=2)))
    assert records["core/softmax", 1].loss is Loss.POLICY


def test_a_problem_that_can_not_be_used_is_skipped_with_its_reason() -> None:
    asked = []

    class Picky(LightEvaluator):
        def describe(self, problem: Problem) -> Description:
            asked.append(problem.id)
            if problem is MATMUL:
                raise InvalidReference(problem.id, "can't be scaled down", "add CHECK_SHAPES")
            return super().describe(problem)

    found = by_key(list(rollout(DemoPolicy(), [MATMUL, SOFTMAX], Picky(judge), RULES, samples=2, concurrency=3)))
    assert sorted(asked) == ["core/matmul", "core/softmax"], "once for all samples"
    skipped = found["core/matmul", 1]
    assert skipped.error is not None
    assert (skipped.loss, skipped.turns) == (Loss.SKIPPED, ())
    assert skipped.error.message == "core/matmul: can't be scaled down; add CHECK_SHAPES"
    assert found["core/softmax", 1].loss is None


@pytest.mark.parametrize("where", ["describe", "evaluate"])
def test_an_evaluator_that_breaks_is_a_fault_of_the_machine_and_not_of_the_problem(where: str) -> None:
    class Breaking(LightEvaluator):
        def describe(self, problem: Problem) -> Description:
            if where == "describe":
                raise EvaluatorBroken("no worker answers")
            return super().describe(problem)

    def judge_nothing(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        raise EvaluatorBroken("no worker answers")

    (record,) = rollout(DemoPolicy(), [SOFTMAX], Breaking(judge_nothing), RULES)
    assert record.error is not None
    assert (record.loss, record.error.message) == (Loss.INFRASTRUCTURE, "no worker answers")


def test_a_message_without_an_end_is_clipped() -> None:
    class Verbose(ScriptedPolicy):
        def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
            def act(observation: str) -> str:
                raise ValueError("x" * 10_000_000)

            return ScriptedPlayer(act=act)

    (record,) = rollout(Verbose(), [SOFTMAX], LightEvaluator(judge), RULES)
    assert record.error is not None
    assert record.error.message.startswith("ValueError: xxx")
    assert len(record.error.message) < 100_000


def test_a_policy_that_can_not_begin_at_all_stops_all_with_its_name() -> None:
    class Broken(ScriptedPolicy):
        def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
            raise OSError("too many connections")

    with pytest.raises(PolicyUnavailable, match=r"`scripted` can't begin core/softmax \(OSError: too many connections"):
        list(rollout(Broken(), [SOFTMAX], LightEvaluator(judge), RULES))


def test_a_lost_turn_makes_the_episode_a_lost_one() -> None:
    evaluator = LightEvaluator(always(failed_report(Outcome.INFRASTRUCTURE)))
    (record,) = rollout(DemoPolicy(), [SOFTMAX], evaluator, RULES)
    assert (record.loss, record.best_turn, record.truncated) == (Loss.INFRASTRUCTURE, None, True)
    assert record.turns[0].completion == record.turns[1].completion, "the player sends it again"


def test_a_problem_that_the_policy_can_not_play_stops_all_before_anything_is_evaluated() -> None:
    class OnlySoftmax(ScriptedPolicy):
        def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
            if problem is not SOFTMAX:
                raise BadUsage("can't play that")
            return super().begin(problem, seed)

    evaluator = LightEvaluator(judge)
    with pytest.raises(BadUsage, match="can't play that"):
        list(rollout(OnlySoftmax(), [SOFTMAX, MATMUL], evaluator, RULES))
    assert evaluator.requests == []


@pytest.mark.parametrize("samples", [0, -1, 1001])
def test_a_number_of_samples_out_of_range_is_refused(samples: int) -> None:
    with pytest.raises(BadUsage, match="give 1 to 1000"):
        list(rollout(DemoPolicy(), [SOFTMAX], LightEvaluator(judge), RULES, samples=samples))


def test_episodes_that_are_done_are_left_out() -> None:
    evaluator = LightEvaluator(judge)
    records = list(rollout(DemoPolicy(), [SOFTMAX], evaluator, RULES, samples=3, done={("core/softmax", 1)}))
    assert sorted(record.sample for record in records) == [0, 2]


def test_no_more_episodes_are_played_at_a_time_than_asked_for_and_no_fewer() -> None:
    barrier = threading.Barrier(3, timeout=10)  # broken unless three play at the same time
    playing: list[int] = []

    def act(observation: str) -> str:
        playing.append(1)
        assert len(playing) <= 3
        barrier.wait()
        time.sleep(0.01)
        playing.pop()
        barrier.wait()
        return CODE

    policy = ScriptedPolicy(lambda: ScriptedPlayer(act=act))
    records = list(rollout(policy, [SOFTMAX], LightEvaluator(always(fast_report(1.0))), Rules(max_turns=1), samples=6,
                           concurrency=3))  # fmt: skip
    assert [record.error for record in records] == [None] * 6


def test_every_turn_is_announced_as_it_happens() -> None:
    heard: list[tuple[Key, int]] = []

    def hear(key: Key, turn: Turn) -> None:
        heard.append((key, turn.number))

    list(rollout(DemoPolicy(), [SOFTMAX], LightEvaluator(judge), RULES, on_turn=hear))
    assert heard == [(("core/softmax", 0), 1), (("core/softmax", 0), 2)]


def test_a_rollout_that_is_closed_plays_no_further_turn() -> None:
    evaluator = LightEvaluator(judge)
    finished = rollout(DemoPolicy(), [SOFTMAX], evaluator, RULES, samples=100)
    next(finished)
    finished.close()
    played = len(evaluator.requests)
    time.sleep(0.05)
    assert len(evaluator.requests) == played < 200


def test_a_bug_of_the_evaluator_is_raised_and_not_recorded_as_the_policys() -> None:
    def broken(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(rollout(DemoPolicy(), [SOFTMAX], LightEvaluator(broken), RULES, samples=5, concurrency=2))


def test_the_protocols_are_met_by_the_demo() -> None:
    player: Player = DemoPolicy().begin(SOFTMAX, 0)
    assert "```python" in player.act([Message(role=Role.USER, content="Write a kernel.")]).text


def test_records_that_nobody_takes_do_not_pile_up() -> None:
    evaluator = LightEvaluator(judge)
    finished = rollout(DemoPolicy(), [SOFTMAX], evaluator, RULES, samples=100, concurrency=2)
    next(finished)
    time.sleep(0.3)
    taken_or_waiting = 1 + 2 * 2 + 2
    assert len(evaluator.requests) <= 2 * taken_or_waiting
    assert sum(1 for _ in finished) == 99


def test_a_completion_that_only_submits_is_no_turn_but_is_kept_with_what_it_took() -> None:
    usage = Usage(completion_tokens=7, cost_usd=0.5)

    class Player:
        def act(self, chat: Sequence[Message]) -> Completion:
            return Completion(text="That is all. \ud800\nSUBMIT" if len(chat) > 1 else CODE, usage=usage)

    class Policy:
        name = "submitting"

        def begin(self, problem: Problem, seed: int) -> Player:
            return Player()

    (record,) = rollout(Policy(), [SOFTMAX], LightEvaluator(always(fast_report(1.0))), Rules(max_turns=5))
    assert (len(record.turns), record.submitted, record.terminated) == (1, True, True)
    assert record.submission == Completion(text="That is all. \\ud800\nSUBMIT", usage=usage)
    assert total_costs([record]).cost_usd == 1.0
    assert total_costs([record.numbers()]).completion_tokens == 14


def test_a_style_that_a_policy_can_not_read_is_refused_before_its_first_episode(tmp_path: Path) -> None:
    (tmp_path / "task.md.jinja").write_text("A task.")

    class Picky(ScriptedPolicy):
        styles = ("drkernel",)

    for style, message in (("compact", "`scripted` reads feedback of --style drkernel only"), ("drkernel", "")):
        evaluator, policy = LightEvaluator(judge), Picky()
        played = rollout(policy, [SOFTMAX], evaluator, Rules(style=style, max_turns=1))
        if message:
            with pytest.raises(BadUsage, match=message):
                list(played)
            assert (policy.begun, evaluator.requests) == ([], [])
        else:
            assert [record.error for record in played] == [None]
    (record,) = rollout(DemoPolicy(), [SOFTMAX], LightEvaluator(judge), Rules(style=str(tmp_path), max_turns=2))
    assert record.error is None, "a folder whose feedback is that of `compact` can be read"
