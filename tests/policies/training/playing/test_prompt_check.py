"""Prompts are measured before a training begins: a long one is refused there, with its numbers."""

import pytest

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage, EvaluatorBroken, UnknownProblem
from kernelgym.problems import get_problem
from policies.training.exchange import SingleProcess
from policies.training.playing import prompt_check
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.played import EpisodeRequest
from policies.training.playing.prompt_check import check_prompts
from tests.policies.training.playing.test_play import Invalid, Undescribing
from tests.policies.training.scripted_play import ThreadedExchange, on_processes
from tests.policies.training.scripted_sampler import PLENTY, ScriptedSampler, chat

PROBLEMS = ["core/softmax", "core/row_sum", "core/matmul"]


def lengths() -> dict[str, int]:
    with_room = KernelVectorEnv(3, evaluator=Undescribing(), history="full")
    asked = [EpisodeRequest(problem=problem, seed=index) for index, problem in enumerate(PROBLEMS)]
    episodes = play(asked, with_room, ScriptedSampler(), chat(), PLENTY, batch=4)
    with_room.close()
    return {episode.problem: len(episode.prompt_ids) for episode in episodes}


def check(context: int | None, exchange: object = None, seats: int = 2, **faults: int) -> None:
    envs = KernelVectorEnv(seats, evaluator=Undescribing(**faults), history="full")
    budget = TokenBudget(turn=10, episode=10, context=context)
    try:
        check_prompts(PROBLEMS, envs, chat(), budget, exchange or SingleProcess())  # type: ignore[arg-type]
    finally:
        envs.close()


@pytest.mark.parametrize("seats", [1, 2, 5])
def test_prompts_that_leave_no_room_are_named_with_their_numbers(seats: int) -> None:
    known = lengths()
    check(max(known.values()) + 10, seats=seats)
    check(None, seats=seats)
    longest = max(known, key=lambda problem: known[problem])
    context = known[longest] + 9
    with pytest.raises(BadUsage, match=f"prompt of {longest} has {known[longest]} tokens, .* context of {context} has"):
        check(context, seats=seats)
    with pytest.raises(BadUsage) as refused:
        check(min(known.values()), seats=seats)
    assert all(problem in str(refused.value) and str(known[problem]) in str(refused.value) for problem in PROBLEMS)


def test_a_problem_that_can_not_be_described_now_is_left_to_the_training_unless_it_is_all_of_them() -> None:
    check(100_000, softmax=2)
    with pytest.raises(EvaluatorBroken, match="nobody is there"):
        check(100_000, softmax=9, row_sum=9, matmul=9)
    with pytest.raises(BadUsage, match="prompt of core/matmul"):
        check(11, softmax=9)


def test_every_process_measures_a_share_and_all_refuse() -> None:
    def refused(exchange: ThreadedExchange) -> str:
        with pytest.raises(BadUsage) as error:
            check(11, exchange)
        return str(error.value)

    one, two = on_processes(2, refused)
    assert one == two
    assert all(problem in one for problem in PROBLEMS)


def test_a_problem_that_does_not_exist_is_found_out_at_the_start() -> None:
    envs = KernelVectorEnv(1, evaluator=Undescribing(), history="full")
    with pytest.raises(UnknownProblem):
        check_prompts(["core/nothing"], envs, chat(), TokenBudget(turn=1, episode=1, context=9), SingleProcess())
    envs.close()


def test_of_many_problems_those_with_the_longest_references_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    known = lengths()
    longest = max(PROBLEMS, key=lambda problem: len(get_problem(problem).reference.source))
    monkeypatch.setattr(prompt_check, "MOST", 1)
    check(known[longest] + 10)
    with pytest.raises(BadUsage, match=longest) as refused:
        check(known[longest] + 9)
    assert not any(problem in str(refused.value) for problem in PROBLEMS if problem != longest)


def test_a_reference_that_can_not_be_described_is_named_by_every_process() -> None:
    def refused(exchange: ThreadedExchange) -> str:
        envs = KernelVectorEnv(1, evaluator=Invalid(), history="full")
        with pytest.raises(BadUsage) as error:
            check_prompts(PROBLEMS, envs, chat(), TokenBudget(turn=1, episode=1, context=10**5), exchange)
        envs.close()
        return str(error.value)

    for message in on_processes(2, refused):
        assert message.startswith("core/softmax: its `Model` raises")
