"""Episodes are played as tokens: nothing is tokenised again, masked wrongly, or lost; the schedule changes nothing."""

import re
import threading
from collections.abc import Iterator, Sequence

import pytest

from kernelgym.chat import Role
from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference, UnknownProblem
from kernelgym.problems import Problem
from policies.errors import PolicyBroken
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.played import Ending, EpisodeRequest, PlayedEpisode
from policies.training.playing.sampler import Sampled, SamplingRequest
from policies.training.trainer.telemetry import transcript
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from tests.kernelgym.envs.script import Scripted, completion
from tests.policies.training.scripted_sampler import (
    END,
    PLENTY,
    TOKENIZER,
    Action,
    Raising,
    ScriptedSampler,
    chat,
    requests,
    says,
    script,
    without_times,
)

NOTHING = Action("", ended=False)
END_AT_ONCE = Action("")


@pytest.fixture(scope="module")
def envs() -> Iterator[KernelVectorEnv]:
    made = KernelVectorEnv(4, evaluator=Raising(), history="full", problems="core/softmax,core/row_sum")
    yield made
    made.close()


def play_one(envs: KernelVectorEnv, *actions: Action, budget: TokenBudget = PLENTY) -> PlayedEpisode:
    request = requests(1)[0]
    (episode,) = play([request], envs, script({request: actions}), chat(), budget, batch=1)
    return episode


def text(tokens: Sequence[int]) -> str:
    return str(TOKENIZER.decode(list(tokens)))


def parts(episode: PlayedEpisode) -> list[str]:
    """The completion as the environment's and the model's parts in turn, decoded with special tokens."""
    found: list[list[int]] = []
    last = None
    for token, whose in zip(episode.completion_ids, episode.turn_ids, strict=True):
        if whose != last:
            found.append([])
        found[-1].append(token)
        last = whose
    return [text(part) for part in found]


def test_an_episode_is_its_actions_and_what_was_said_between_them(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, says("incorrect"), says("slow"), says("fast"))
    assert episode.ending is Ending.FINISHED
    assert episode.rewards == (0.0, pytest.approx(2.3), pytest.approx(4.85))
    assert [turn.report.outcome for turn in episode.turns if turn.report] == [Outcome.INCORRECT, Outcome.OK, Outcome.OK]
    assert [message.role for message in episode.messages] == [Role.USER, Role.ASSISTANT] * 3
    first, second = (message.content for message in episode.messages[2::2])
    assert first.startswith("Turn 1 of 3: incorrect")
    assert parts(episode) == [
        completion("incorrect") + "<|im_end|>",
        f"\n<|im_start|>user\n{first}<|im_end|>\n<|im_start|>assistant\n",
        completion("slow") + "<|im_end|>",
        f"\n<|im_start|>user\n{second}<|im_end|>\n<|im_start|>assistant\n",
        completion("fast") + "<|im_end|>",
    ]
    prompt = f"<|im_start|>user\n{episode.messages[0].content}<|im_end|>\n<|im_start|>assistant\n"
    assert text(episode.prompt_ids) == prompt


def test_the_chat_is_what_the_environment_keeps_with_the_whole_history(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, says("slow"), says("compile_error"), says("fast"))
    envs.reset(options={"problem": "core/softmax"})
    for word in ("slow", "compile_error", "fast"):
        *_, infos = envs.step([completion(word)] * 4)
    kept = [(message["role"], message["content"]) for message in infos["chat"][0]]
    assert kept[:-1] == [(str(message.role), message.content) for message in episode.messages]


def test_an_action_that_is_cut_off_is_ended_by_the_environment(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, Action(completion("slow") + "More", ended=False), says("fast"), says("fast"))
    own, between, *_ = parts(episode)
    assert own.endswith("More")
    assert between.startswith("<|im_end|>\n<|im_start|>user\n")
    assert [turn.stopped for turn in episode.turns] == [False, True, True]
    assert episode.turns[0].text == completion("slow") + "More"


def test_an_action_gets_no_more_than_its_tokens(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, *[says("slow")] * 3, budget=TokenBudget(turn=10, episode=20_000))
    assert [turn.stop - turn.start for turn in episode.turns] == [10, 10, 10]
    assert not any(turn.stopped for turn in episode.turns)
    assert episode.turns[0].report is not None
    assert episode.turns[0].report.outcome is Outcome.NO_CODE


def test_an_end_at_once_is_an_action_of_one_token(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, END_AT_ONCE, says("fast"), END_AT_ONCE)
    assert [turn.text for turn in episode.turns] == ["", completion("fast"), ""]
    assert [turn.stop - turn.start for turn in episode.turns][::2] == [1, 1]
    assert episode.completion_ids[-1] == END
    assert episode.env_mask[-1] == 1


def test_an_action_of_no_tokens_at_all_is_a_turn_that_nothing_is_learned_from(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, says("slow"), NOTHING, says("fast"))
    assert [turn.stop - turn.start for turn in episode.turns][1] == 0
    own, between, last = parts(episode)
    assert between.count("<|im_start|>assistant\n<|im_end|>\n<|im_start|>user\nTurn 2 of 3: no_code") == 1
    assert (own, last) == (completion("slow") + "<|im_end|>", completion("fast") + "<|im_end|>")


def test_feedback_that_nothing_was_written_after_is_not_part_of_an_episode(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, says("slow"), NOTHING, NOTHING)
    assert len(episode.turns) == 3
    assert parts(episode) == [completion("slow") + "<|im_end|>"]


def test_an_episode_without_a_word_is_one_token_that_is_not_learned(envs: KernelVectorEnv) -> None:
    episode = play_one(envs, NOTHING, NOTHING, NOTHING)
    assert (episode.completion_ids, episode.env_mask, episode.turn_ids) == ((END,), (0,), (-1,))
    assert episode.rewards == (0.0, 0.0, 0.0)


def test_a_lost_turn_ends_its_episode_and_no_other(envs: KernelVectorEnv) -> None:
    asked = requests(3)
    sampler = script({asked[0]: [says("slow"), says("infrastructure")], asked[1]: [says("raise")]})
    lost, raised, other = play(asked, envs, sampler, chat(), PLENTY, batch=8)
    assert (lost.ending, lost.rewards) == (Ending.LOST, (pytest.approx(2.3), None))
    assert lost.fault is not None
    assert (raised.fault, other.fault) == ("EvaluatorBroken: nobody is there", None)
    assert (raised.ending, raised.rewards, raised.turns[0].report) == (Ending.LOST, (None,), None)
    assert (other.ending, len(other.turns)) == (Ending.FINISHED, 3)


def test_a_submission_ends_the_episode(envs: KernelVectorEnv) -> None:
    bare = play_one(envs, says("fast"), Action("SUBMIT"))
    assert (bare.ending, bare.rewards, bare.turns[1].report) == (Ending.FINISHED, (pytest.approx(4.85), 0.0), None)
    with_code = play_one(envs, Action(completion("fast") + "\nSUBMIT"))
    assert (with_code.ending, len(with_code.turns)) == (Ending.FINISHED, 1)


def test_a_turn_begins_only_if_there_is_room_for_all_of_it(envs: KernelVectorEnv) -> None:
    whole = play_one(envs, says("slow"), says("slow"), says("slow"))
    until = whole.turns[1].start + PLENTY.turn
    for name, less in (("episode", 0), ("context", len(whole.prompt_ids))):
        for tokens, turns, ending in ((until - 1, 1, Ending.BUDGET), (until, 2, Ending.BUDGET)):
            given = {"turn": 400, "episode": 20_000} | {name: tokens + less}
            episode = play_one(envs, *[says("slow")] * 3, budget=TokenBudget(**given))
            assert (len(episode.turns), episode.ending) == (turns, ending)
            assert episode.env_mask[-1] == 1


def test_with_less_room_for_an_action_more_turns_begin(envs: KernelVectorEnv) -> None:
    whole = play_one(envs, says("slow"), says("slow"), says("slow"))
    episode = play_one(
        envs, says("slow"), Action("x" * 500), says("slow"),
        budget=TokenBudget(turn=400, episode=whole.turns[1].start + 30, least=20),
    )  # fmt: skip
    assert [turn.stop - turn.start for turn in episode.turns][1] == 30
    assert (episode.ending, len(episode.completion_ids)) == (Ending.BUDGET, whole.turns[1].start + 30)


def test_a_prompt_that_leaves_no_room_loses_its_episode_and_is_named_with_its_numbers(envs: KernelVectorEnv) -> None:
    tokens = len(play_one(envs).prompt_ids)
    assert not play_one(envs, budget=TokenBudget(turn=400, episode=500, context=tokens + 400)).lost
    said = f"prompt of core/softmax has {tokens} tokens, .* context of {tokens + 399} has"
    with pytest.warns(UserWarning, match=said):
        lost = play_one(envs, budget=TokenBudget(turn=400, episode=500, context=tokens + 399))
    assert lost.fault is not None
    assert re.search(said, lost.fault)
    check_unplayed(lost)


def check_unplayed(episode: PlayedEpisode) -> None:
    assert (episode.ending, episode.rewards, episode.lost) == (Ending.LOST, (None,), True)
    assert (episode.completion_ids, episode.env_mask, episode.turn_ids) == ((END,), (0,), (-1,))
    assert episode.prompt_ids == (END,), "a row of one token, however long the prompt would have been"
    assert f"({episode.fault}), rewards lost" in transcript(episode)


class Undescribing(Scripted):
    """Fails to describe some problems, so many times; its workers are gone."""

    def __init__(self, **times: int) -> None:
        super().__init__()
        self.times = times

    def describe(self, problem: Problem) -> Description:
        name = problem.id.partition("/")[2]
        if self.times.get(name, 0) > 0:
            self.times[name] -= 1
            raise EvaluatorBroken("nobody is there")
        return super().describe(problem)


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("seats", [1, 3])
def test_an_evaluator_that_fails_to_describe_a_problem_loses_its_episodes_and_no_other(
    overlap: bool, seats: int
) -> None:
    evaluator = Undescribing(softmax=10**6)
    envs = KernelVectorEnv(seats, evaluator=evaluator, history="full")
    problems = ["core/softmax", "core/row_sum", "core/softmax", "core/softmax", "core/row_sum"]
    asked = [EpisodeRequest(problem=problem, seed=index) for index, problem in enumerate(problems)]
    episodes = play(asked, envs, ScriptedSampler(), chat(), PLENTY, batch=2, overlap=overlap)
    for request, episode in zip(asked, episodes, strict=True):
        assert (episode.problem, episode.seed) == (request.problem, request.seed)
        if request.problem == "core/softmax":
            check_unplayed(episode)
            assert episode.fault == "EvaluatorBroken: nobody is there"
        else:
            assert (len(episode.turns), episode.ending, episode.fault) == (3, Ending.FINISHED, None)
    evaluator.times = {"softmax": 1}
    (episode,) = play(requests(1), envs, ScriptedSampler(), chat(), PLENTY, batch=1)
    assert episode.ending is Ending.FINISHED, "a fault that is over when it is tried again is none"
    envs.close()


class Invalid(Scripted):
    """Finds one reference that can't be described."""

    def describe(self, problem: Problem) -> Description:
        if problem.id == "core/softmax":
            raise InvalidReference.of(problem.id, "its `Model` raises")
        return super().describe(problem)


def test_a_reference_that_can_not_be_described_loses_its_episodes_with_a_warning_and_no_other() -> None:
    envs = KernelVectorEnv(2, evaluator=Invalid(), history="full")
    problems = ("core/row_sum", "core/softmax", "core/row_sum")
    asked = [EpisodeRequest(problem=problem, seed=index) for index, problem in enumerate(problems)]
    with pytest.warns(UserWarning, match="lost: core/softmax: its `Model` raises"):
        episodes = play(asked, envs, ScriptedSampler(), chat(), PLENTY, batch=2)
    check_unplayed(episodes[1])
    assert [episode.ending for episode in episodes] == [Ending.FINISHED, Ending.LOST, Ending.FINISHED]
    envs.close()


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"turn": 0, "episode": 10}, "turn is 0; give 1 or more"),
        ({"turn": 11, "episode": 10}, "needs room for 11 tokens, but the whole episode has 10"),
        ({"turn": 5, "episode": 10, "least": 6}, "needs room for 6 tokens, but has at most 5"),
    ],
)
def test_a_budget_without_room_for_a_turn_is_refused(budget: dict[str, int], message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        TokenBudget(**budget)


def test_more_requests_than_seats_wait_for_one(envs: KernelVectorEnv) -> None:
    problems = ["core/softmax", "core/row_sum"] * 5
    asked = [EpisodeRequest(problem=problem, seed=5 * index) for index, problem in enumerate(problems)]
    sampler = ScriptedSampler()
    episodes = play(asked, envs, sampler, chat(), PLENTY, batch=3)
    assert [(episode.problem, episode.seed) for episode in episodes] == [(each.problem, each.seed) for each in asked]
    assert all(len(episode.turns) == 3 for episode in episodes)
    assert max(len(batch) for batch in sampler.batches) == 3


def test_the_temperature_and_a_seed_of_its_own_reach_every_action(envs: KernelVectorEnv) -> None:
    sampler = ScriptedSampler()
    play([EpisodeRequest(problem="core/softmax", seed=1, temperature=0.5)], envs, sampler, chat(), PLENTY, batch=1)
    assert [request.temperature for request in sampler.requests] == [0.5] * 3
    assert len({request.seed for request in sampler.requests}) == 3


class Gated(Scripted):
    """Waits with every answer until its gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        assert self.gate.wait(20)
        return super().evaluate(submission, problem, config)


def test_actions_are_sampled_while_others_are_evaluated() -> None:
    evaluator = Gated()
    envs = KernelVectorEnv(4, evaluator=evaluator, history="full", max_turns=1)
    seen: list[int] = []

    def watch() -> None:
        seen.append(len(envs.in_flight))
        if len(seen) == 4:
            evaluator.gate.set()

    play(requests(4), envs, ScriptedSampler(watch=watch), chat(), PLENTY, batch=1)
    assert seen == [0, 1, 2, 3]
    envs.close()


def test_without_overlap_nothing_is_sampled_while_anything_is_evaluated(envs: KernelVectorEnv) -> None:
    open_turns: list[int] = []
    sampler = ScriptedSampler(watch=lambda: open_turns.append(len(envs.in_flight)))
    play(requests(5), envs, sampler, chat(), PLENTY, batch=4, overlap=False)
    assert open_turns == [0] * 6
    assert [len(batch) for batch in sampler.batches] == [4, 4, 4, 1, 1, 1]


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_schedule_changes_no_episode(envs: KernelVectorEnv, overlap: bool, batch: int) -> None:
    asked = requests(6)
    kinds = ["slow", "fast", "incorrect", "infrastructure", "compile_error"]
    actions = {request: [says(kinds[(index + turn) % 5]) for turn in range(3)] for index, request in enumerate(asked)}
    expected = play(asked, envs, script(actions), chat(), PLENTY, batch=2)
    again = play(asked, envs, script(actions), chat(), PLENTY, batch=batch, overlap=overlap)
    assert without_times(again) == without_times(expected)


def test_a_sampler_that_fails_leaves_the_environment_usable(envs: KernelVectorEnv) -> None:
    class Failing(ScriptedSampler):
        def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
            if len(self.batches) == 1:
                raise MemoryError
            return super().sample(requests)

    class Forgetful(ScriptedSampler):
        def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
            return super().sample(requests)[:-1]

    with pytest.raises(MemoryError):
        play(requests(4), envs, Failing(), chat(), PLENTY, batch=2)
    assert envs.in_flight == ()
    with pytest.raises(PolicyBroken, match="asked for 2 actions and gave 1"):
        play(requests(4), envs, Forgetful(), chat(), PLENTY, batch=2)
    assert len(play(requests(4), envs, ScriptedSampler(), chat(), PLENTY, batch=2)) == 4


def test_what_can_not_be_played_is_refused(envs: KernelVectorEnv) -> None:
    with pytest.raises(BadUsage, match="batch is 0"):
        play(requests(1), envs, ScriptedSampler(), chat(), PLENTY, batch=0)
    short = KernelVectorEnv(1, evaluator=Scripted())
    with pytest.raises(BadUsage, match=r"history='short'.*with history='full'"):
        play(requests(1), short, ScriptedSampler(), chat(), PLENTY, batch=1)
    short.close()
    with pytest.raises(UnknownProblem):
        play(requests(1, "core/nothing"), envs, ScriptedSampler(), chat(), PLENTY, batch=1)
    assert play([], envs, ScriptedSampler(), chat(), PLENTY, batch=1) == []


def test_a_process_that_is_done_accompanies_the_others(envs: KernelVectorEnv) -> None:
    class Shared(ScriptedSampler):
        left = 3

        def accompany(self) -> bool:
            self.left -= 1
            return self.left > 0

    for asked in (requests(2), []):
        sampler = Shared()
        play(asked, envs, sampler, chat(), PLENTY, batch=4)
        assert sampler.left == 0
