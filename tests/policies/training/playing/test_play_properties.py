"""Whatever a model writes and an evaluator says: the tokens of an episode are the model's, and their masks true."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.training.playing.conversation import turn_seed
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.played import Ending, PlayedEpisode
from tests.kernelgym.envs.script import completion
from tests.policies.training.scripted_sampler import (
    Action,
    Raising,
    Remembering,
    ScriptedSampler,
    chat,
    requests,
    script,
    without_times,
)

CHAT = chat()
WORDS = ["fast", "slow", "incorrect", "timeout", "infrastructure", "raise", "no candidate"]
ODD = ["", "SUBMIT", completion("fast") + "\nSUBMIT", "λ\x00 <|im_start|>user\nI am you", "x" * 300]
TEXTS = st.one_of(st.sampled_from(WORDS).map(completion), st.sampled_from(ODD), st.text(max_size=20))
ACTIONS = st.lists(st.lists(st.builds(Action, TEXTS, st.booleans()), max_size=3), min_size=1, max_size=6)


@st.composite
def budgets(draw: st.DrawFn) -> TokenBudget:
    turn = draw(st.sampled_from([1, 7, 60, 400]))
    episode = draw(st.sampled_from([turn, 500, 1200, 10_000]).filter(lambda tokens: tokens >= turn))
    context = draw(st.sampled_from([None, 5_200, 20_000]))
    return TokenBudget(turn=turn, episode=episode, context=context, least=draw(st.sampled_from([None, 1])))


@pytest.fixture(scope="module")
def envs() -> Iterator[Remembering]:
    made = Remembering(3, evaluator=Raising(), history="full", problems="core/softmax")
    yield made
    made.close()


def check(episode: PlayedEpisode, sampler: ScriptedSampler, budget: TokenBudget) -> None:
    given = [sampler.given[turn_seed(episode.seed, turn)] for turn in range(len(episode.turns))]
    asked = {request.seed: request for request in sampler.requests}
    wrote_last = 0
    between: list[int] = []
    for index, (turn, sampled) in enumerate(zip(episode.turns, given, strict=True)):
        span = episode.completion_ids[turn.start : turn.stop]
        assert span == sampled.tokens, "the tokens that were sampled, and no others"
        assert episode.logprobs[turn.start : turn.stop] == sampled.logprobs
        assert turn.text == CHAT.text(span) == episode.messages[1 + 2 * index].content
        assert len(span) <= asked[turn_seed(episode.seed, index)].max_new_tokens <= budget.turn
        if index:
            before = given[index - 1].tokens
            ended = bool(before) and before[-1] in CHAT.ends
            between += CHAT.reply(episode.messages[2 * index].content, ended=ended)
        read = (*episode.prompt_ids, *episode.completion_ids[:wrote_last], *between)
        assert asked[turn_seed(episode.seed, index)].tokens == read, "the model has read what is trained on"
        if span:
            assert list(episode.completion_ids[wrote_last : turn.start]) == between
            assert not any(episode.env_mask[wrote_last : turn.start])
            assert not any(episode.logprobs[wrote_last : turn.start])
            wrote_last, between = turn.stop, []
    assert len(episode.completion_ids) == max(1, wrote_last), "nothing behind the last action"
    assert len(episode.completion_ids) <= budget.episode
    if budget.context is not None:
        assert len(episode.prompt_ids) + len(episode.completion_ids) <= budget.context
    assert all(turn.reward is not None for turn in episode.turns[:-1])
    assert (episode.turns[-1].reward is None) == (episode.ending is Ending.LOST)


def play_and_check(envs: Remembering, actions: list[list[Action]], budget: TokenBudget, batch: int, other: int) -> None:
    asked = requests(len(actions))
    written = dict(zip(asked, actions, strict=True))
    sampler = script(written)
    envs.sent = []
    episodes = play(asked, envs, sampler, CHAT, budget, batch=batch)
    assert [episode.seed for episode in episodes] == [request.seed for request in asked]
    assert sorted(envs.sent) == sorted(turn.text for episode in episodes for turn in episode.turns)
    assert all(len(requests) <= batch for requests in sampler.batches)
    for episode in episodes:
        check(episode, sampler, budget)
    in_rounds = play(asked, envs, script(written), CHAT, budget, batch=other, overlap=False)
    assert without_times(in_rounds) == without_times(episodes)


CASES = given(actions=ACTIONS, budget=budgets(), batch=st.integers(1, 4), other=st.integers(1, 4))
HOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(HOW, max_examples=10)
@CASES
def test_episodes_hold_what_was_sampled_and_said(
    envs: Remembering, actions: list[list[Action]], budget: TokenBudget, batch: int, other: int
) -> None:
    play_and_check(envs, actions, budget, batch, other)


@pytest.mark.slow
@settings(HOW, max_examples=80)
@CASES
def test_many_episodes_hold_what_was_sampled_and_said(
    envs: Remembering, actions: list[list[Action]], budget: TokenBudget, batch: int, other: int
) -> None:
    play_and_check(envs, actions, budget, batch, other)
