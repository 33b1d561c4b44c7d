"""vLLM is asked through TRL's engine: with a batch's own settings, and by all processes for equally many rows."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from policies.errors import PolicyBroken
from policies.training.exchange import Exchange
from policies.training.playing.sampler import CollectiveSampler, Sampled, SamplingRequest
from policies.training.playing.vllm_sampler import VLLMSampler
from tests.policies.training.scripted_play import on_processes

END = 9


@dataclass
class StubEngine:
    """Answers with TRL's tuple: as many tokens as the prompt's first says, then the end of a turn."""

    temperature: float = 1.0
    max_completion_length: int = 1000
    generation_kwargs: dict[str, Any] | None = field(default_factory=lambda: {"min_tokens": 0})
    calls: list[tuple[int, float, int]] = field(default_factory=list)
    change: Callable[[list[list[list[float | None]]]], Any] = lambda logprobs: logprobs

    def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> tuple[Any, ...]:
        assert num_generations == 1
        kwargs = self.generation_kwargs
        assert kwargs is not None
        assert (kwargs["temperature"], kwargs["max_tokens"]) == (self.temperature, self.max_completion_length)
        self.calls.append((len(prompts), self.temperature, self.max_completion_length))
        completions = [[*[prompt[0]] * prompt[0], END][: self.max_completion_length] for prompt in prompts]
        logprobs: list[list[list[float | None]]] = [[[-0.5 * token] for token in each] for each in completions]
        return prompts, completions, self.change(logprobs), None


def ask(first: int, limit: int = 8, temperature: float = 1.0) -> SamplingRequest:
    return SamplingRequest(tokens=(first, 1, 2), seed=0, max_new_tokens=limit, temperature=temperature)


def answer(first: int, limit: int = 8) -> Sampled:
    tokens = (*[first] * first, END)[:limit]
    return Sampled(tokens=tokens, logprobs=tuple(-0.5 * token for token in tokens), stopped=tokens[-1] == END)


def test_each_request_gets_its_answer_up_to_its_own_limit() -> None:
    engine = StubEngine()
    requests = [ask(3), ask(5, limit=4), ask(2), ask(7)]
    assert VLLMSampler(engine, [END]).sample(requests) == [answer(3), answer(5, limit=4), answer(2), answer(7)]
    assert engine.calls == [(4, 1.0, 8)]


def test_temperatures_are_asked_one_by_one_and_the_settings_put_back() -> None:
    engine = StubEngine()
    requests = [ask(1), ask(2, temperature=0.5, limit=3), ask(3)]
    assert VLLMSampler(engine, [END]).sample(requests) == [answer(1), answer(2), answer(3)]
    assert engine.calls == [(2, 1.0, 8), (1, 0.5, 3)]
    assert (engine.temperature, engine.max_completion_length, engine.generation_kwargs) == (
        1.0,
        1000,
        {"min_tokens": 0},
    )


@pytest.mark.parametrize("change", [lambda rows: None, lambda rows: [[[None]] * len(row) for row in rows],
                                    lambda rows: [[[float("nan")]] * len(row) for row in rows],
                                    lambda rows: [row[1:] for row in rows]])  # fmt: skip
def test_without_log_probabilities_nothing_can_be_learned(change: Callable[[Any], Any]) -> None:
    with pytest.raises(PolicyBroken, match="no log-probability for some of 4 tokens"):
        VLLMSampler(StubEngine(change=change), [END]).sample([ask(3)])


def test_a_process_with_an_engine_of_its_own_accompanies_nobody() -> None:
    engine = StubEngine()
    sampler = VLLMSampler(engine, [END])
    assert isinstance(sampler, CollectiveSampler)
    assert not sampler.accompany()
    assert sampler.sample([]) == []
    assert engine.calls == []


def test_processes_that_share_an_engine_ask_for_equally_many_rows_until_all_are_done() -> None:
    engines = [StubEngine() for _ in range(3)]
    batches = {
        0: [[ask(1), ask(2), ask(3), ask(4), ask(5)], [ask(6)]],
        1: [],
        2: [[ask(7, limit=2)], [ask(2)], [ask(1, temperature=0.5)], [ask(3)]],
    }

    def work(exchange: Exchange) -> list[list[Sampled]]:
        sampler = VLLMSampler(engines[exchange.rank], [END], exchange)
        answers = [sampler.sample(batch) for batch in batches[exchange.rank]]
        while sampler.accompany():
            pass
        return answers

    results: Sequence[list[list[Sampled]]] = on_processes(3, work)
    for rank, answers in enumerate(results):
        expected = [[answer(each.tokens[0], each.max_new_tokens) for each in batch] for batch in batches[rank]]
        assert answers == expected
    assert engines[0].calls == engines[1].calls == engines[2].calls == [
        (2, 1.0, 8), (1, 1.0, 8), (1, 0.5, 8), (1, 1.0, 8)
    ]  # fmt: skip
    assert threading.active_count() < 20
