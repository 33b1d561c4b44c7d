"""The model that is trained samples: from its own distribution, and each row as if it were alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

from kernelgym.envs import KernelVectorEnv
from policies.training.playing.hf_sampler import HFSampler
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.sampler import Sampled, SamplingRequest
from tests.kernelgym.envs.script import Scripted
from tests.policies.training.byte_tokenizer import byte_tokenizer
from tests.policies.training.scripted_sampler import END, chat, requests, without_times
from tests.policies.training.tiny_model import tiny_model


def ask(text: str, seed: int, tokens: int = 12, temperature: float = 1.0) -> SamplingRequest:
    prompt = tuple(byte_tokenizer()(text)["input_ids"])
    return SamplingRequest(tokens=prompt, seed=seed, max_new_tokens=tokens, temperature=temperature)


ASKED = [
    ask("Hello world" * index, seed, tokens) for index, seed, tokens in [(1, 7, 5), (4, 8, 12), (2, 9, 30), (9, 7, 30)]
]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


def scored(model: Any, request: SamplingRequest, tokens: Sequence[int]) -> list[float]:
    """Log-probabilities by one pass over everything, as a trainer computes them."""
    with torch.no_grad():
        logits = model(torch.tensor([[*request.tokens, *tokens]])).logits[0, len(request.tokens) - 1 : -1].float()
    chosen = (logits / request.temperature).log_softmax(dim=-1).gather(1, torch.tensor(tokens)[:, None])
    return [float(value) for value in chosen[:, 0]]


def alike(one: Sampled, other: Sampled) -> bool:
    same = one.tokens == other.tokens and one.stopped == other.stopped
    return same and one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_row_is_the_same_in_any_batch(model: Any) -> None:
    sampler = HFSampler(model, [END])
    together = sampler.sample(ASKED)
    alone = [sampler.sample([request])[0] for request in ASKED]
    assert all(map(alike, together, alone))
    assert len({each.tokens for each in together}) == len(ASKED)
    assert sampler.sample([replace(ASKED[2], seed=10)])[0].tokens != together[2].tokens


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_log_probabilities_are_those_of_the_distribution_that_was_drawn_from(model: Any, temperature: float) -> None:
    asked = [replace(request, temperature=temperature) for request in ASKED]
    for request, sampled in zip(asked, HFSampler(model, [END]).sample(asked), strict=True):
        assert sampled.logprobs == pytest.approx(scored(model, request, sampled.tokens), abs=1e-4)


def test_rows_end_at_their_own_limit_or_end_of_turn(model: Any) -> None:
    asked = [ask("Hello", seed, tokens) for seed, tokens in zip(range(60), [1, 5, 40] * 20, strict=True)]
    sampled = HFSampler(model, [END]).sample(asked)
    for request, each in zip(asked, sampled, strict=True):
        assert 1 <= len(each.tokens) <= request.max_new_tokens
        assert END not in each.tokens[:-1]
        assert each.stopped == (each.tokens[-1] == END)
        assert each.stopped or len(each.tokens) == request.max_new_tokens
    assert {each.stopped for each in sampled} == {True, False}


def test_a_row_near_the_end_of_learned_positions_is_not_read_on_for_others() -> None:
    torch.manual_seed(0)
    vocabulary = len(byte_tokenizer())
    config = GPT2Config(vocab_size=vocabulary, n_positions=64, n_embd=32, n_layer=1, n_head=2, eos_token_id=END)
    sampler = HFSampler(GPT2LMHeadModel(config).eval(), [END])
    asked = [ask("x" * 60, 1, 4), ask("Hello", 2, 50), ask("x" * 40, 3, 24), ask("Hi", 4, 40)]
    together = sampler.sample(asked)
    assert all(map(alike, together, [sampler.sample([request])[0] for request in asked]))
    assert [len(each.tokens) for each in together if not each.stopped]


def test_any_of_several_tokens_ends_an_action(model: Any) -> None:
    free = HFSampler(model, [END]).sample(ASKED)[3]
    early = free.tokens[3]
    cut = HFSampler(model, [END, early]).sample(ASKED)[3]
    assert cut.tokens == free.tokens[: free.tokens.index(early) + 1]
    assert cut.stopped


def test_rows_of_different_temperatures_keep_their_places(model: Any) -> None:
    sampler = HFSampler(model, [END])
    degrees = (1.0, 0.0, 0.5, 1.0)
    asked = [replace(request, temperature=degree) for request, degree in zip(ASKED, degrees, strict=True)]
    sampled = sampler.sample(asked)
    assert all(map(alike, sampled, [sampler.sample([request])[0] for request in asked]))
    assert set(sampled[1].logprobs) == {0.0}, "without temperature there is no choice"
    assert sampler.sample([]) == []


def test_the_models_own_way_of_generating_changes_nothing_and_stays(model: Any) -> None:
    expected = HFSampler(model, [END]).sample(ASKED)
    other = tiny_model(attention_dropout=0.9)
    config = GenerationConfig(repetition_penalty=5.0, no_repeat_ngram_size=1, max_length=3, top_k=1, do_sample=True)  # type: ignore[no-untyped-call]
    other.generation_config = config
    other.train()
    assert all(map(alike, HFSampler(other, [END]).sample(ASKED), expected))
    assert other.generation_config is config
    assert other.training


def test_an_adapter_is_part_of_the_model(model: Any) -> None:
    torch.manual_seed(1)
    adapted: Any = get_peft_model(tiny_model(), LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False))
    base = adapted.get_base_model().generation_config
    sampled = HFSampler(adapted, [END]).sample(ASKED)
    plain = HFSampler(model, [END]).sample(ASKED)
    assert [each.tokens for each in sampled] != [each.tokens for each in plain]
    for request, each in zip(ASKED, sampled, strict=True):
        assert each.logprobs == pytest.approx(scored(adapted.eval(), request, each.tokens), abs=1e-4)
    assert adapted.get_base_model().generation_config is base


@pytest.mark.slow
def test_episodes_of_a_model_are_the_same_in_any_schedule(model: Any) -> None:
    def played(batch: int, overlap: bool, seats: int) -> list[Any]:
        envs = KernelVectorEnv(seats, evaluator=Scripted(), history="full", problems="core/softmax", max_turns=2)
        budget = TokenBudget(turn=16, episode=4000)
        episodes = play(requests(3), envs, HFSampler(model, [END]), chat(), budget, batch=batch, overlap=overlap)
        envs.close()
        return without_times(episodes)

    expected = played(batch=4, overlap=True, seats=4)
    assert [len(episode.turns) for episode in expected] == [2] * 3
    for batch, overlap, seats in ((1, True, 4), (3, True, 2), (4, False, 4)):
        for one, other in zip(played(batch, overlap, seats), expected, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
            assert replace(one, logprobs=other.logprobs) == other


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_model_of_a_trainer_samples_as_itself(tmp_path: Any, checkpointing: bool) -> None:
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415 - takes seconds

    model = tiny_model()
    args = GRPOConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], gradient_checkpointing=False,
        per_device_train_batch_size=2, num_generations=2, max_completion_length=8,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model, args=args, processing_class=byte_tokenizer(), reward_funcs=lambda completions, **_: [0.0] * 2,
        train_dataset=Dataset.from_list([{"prompt": "x"}]),
    )  # fmt: skip
    trainer.model.train()
    if checkpointing:
        trainer.model.gradient_checkpointing_enable()
    expected = HFSampler(tiny_model(), [END]).sample(ASKED)
    assert all(map(alike, HFSampler.of_trainer(trainer, [END]).sample(ASKED), expected))
    assert trainer.model.training
    assert trainer.model.is_gradient_checkpointing == checkpointing
