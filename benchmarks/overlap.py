"""Whether the evaluator waits for the model, and the model for the evaluator, while a batch of episodes is played.

16 rollouts of 3 turns with a tiny model on this CPU, and an evaluator that takes 1 s for each candidate and has 16 or 4
slots. Wall time of `play` with overlap, sampling at most 4 or 16 actions at a time, and in rounds, against a schedule
that nobody could beat:

    ideal = max(first + evaluations / slots,    the evaluator is never idle once the first action is there
                sampling + evaluation,          the model is never idle until the last action is there
                turns * (first + evaluation))   one episode takes its turns one after the other

`first` is one action sampled alone, `sampling` all actions in batches of the best of three sizes, or as they were
sampled in the quickest of the runs. All times are the best of several: other work on the machine only ever adds to
them. The bound charges nothing for prompts, masks and feedback.

On a CPU a batch takes about as long as its rows one by one, so that small batches keep the evaluator busy earlier; on a
GPU, 16 actions take about the time of one.
"""

import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from kernelgym.envs import KernelVectorEnv
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.playing.hf_sampler import HFSampler
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.played import EpisodeRequest
from policies.training.playing.sampler import Sampled, SamplingRequest
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.policies.training.byte_tokenizer import CHATML
from tests.policies.training.tiny_model import tiny_model
from tests.reports import ok_report

ROLLOUTS: Final = 16
TURNS: Final = 3
EVALUATION_S: Final = 1.0
SLOTS: Final = (16, 4)
VARIANTS: Final = {"overlapped": (True, 4), "overlapped_full_batches": (True, 16), "in_rounds": (False, 16)}
"""Whether sampling and evaluation overlap, and how many actions are sampled together."""

TOKENS: Final = 16
"""Of each action."""

SMALL: Final = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1}
"""The model: evaluating takes longer than sampling, as it does with real ones."""

REPEATS: Final = 3


class Slow(ScriptedEvaluator):
    """Takes a second for each candidate, and has so many slots."""

    def __init__(self, slots: int) -> None:
        super().__init__(self._answer)
        self._slots = threading.Semaphore(slots)

    def _answer(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        with self._slots:
            time.sleep(EVALUATION_S)
        identity = {"submission": submission.digest, "problem": problem.id, "config": config}
        return ok_report(time_us=10.0).model_copy(update=identity)


class Timed:
    """A model whose actions hold a candidate each, so that every one is evaluated; measures how long it samples.

    The model draws `TOKENS` tokens for every request, as it would; what it wrote is then replaced by a program.
    """

    def __init__(self) -> None:
        self.tokenizer = _tokenizer()
        self._sampler = HFSampler(tiny_model(vocab_size=len(self.tokenizer), **SMALL), [len(self.tokenizer) - 1])
        self._programs = 0
        self.seconds: list[float] = []
        self.asked: list[SamplingRequest] = []

    def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
        begin = time.perf_counter()
        self._sampler.sample(requests)
        self.seconds.append(time.perf_counter() - begin)
        self.asked += requests
        return [self._program() for _ in requests]

    def _program(self) -> Sampled:
        self._programs += 1
        text = f"```python\nclass ModelNew:  # {self._programs}\n    pass\n```<|im_end|>"
        tokens = tuple(self.tokenizer(text)["input_ids"])
        return Sampled(tokens=tokens, logprobs=(0.0,) * len(tokens), stopped=True)


@cache
def _tokenizer() -> PreTrainedTokenizerFast:
    """Returns one that knows the words of the prompt: about as many tokens as those of language models."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    environment = _environment(slots=1)
    special = ["<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([environment.reset()[0][0]], trainer)
    environment.close()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", additional_special_tokens=special[:1], chat_template=CHATML
    )


def _environment(slots: int) -> KernelVectorEnv:
    return KernelVectorEnv(ROLLOUTS, evaluator=Slow(slots), history="full", max_turns=TURNS, problems="core/softmax")


def run() -> dict[str, object]:
    """Returns wall times in seconds, the ideal, and what they are apart, for each number of slots."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the evaluator's processes want cores, too
    try:
        first, sampling = _sampling()
        runs = {(slots, name): _best(slots, *how) for slots in SLOTS for name, how in VARIANTS.items()}
    finally:
        torch.set_num_threads(threads)
    sampling = min(sampling, *(sampled for _, sampled, _ in runs.values()))
    found: dict[str, object] = {
        "rollouts": ROLLOUTS, "turns": TURNS, "evaluation_s": EVALUATION_S, "tokens_per_action": TOKENS,
        "one_action_s": round(first, 3), "all_actions_s": round(sampling, 2),
    }  # fmt: skip
    for slots in SLOTS:
        ideal = max(
            first + ROLLOUTS * TURNS * EVALUATION_S / slots,
            sampling + EVALUATION_S,
            TURNS * (first + EVALUATION_S),
        )
        found[f"{slots}_slots"] = {"ideal_s": round(ideal, 2)} | {
            name: {
                "wall_s": round(wall, 2), "over_ideal": round(wall / ideal, 3), "sampling_s": round(sampled, 2),
                "batches": batches,
            }
            for (of, name), (wall, sampled, batches) in runs.items()
            if of == slots
        }  # fmt: skip
    return found


def _sampling() -> tuple[float, float]:
    """Returns the seconds of one action alone, and of all actions in batches of the best size."""
    sampler = Timed()
    _play(sampler, ROLLOUTS, overlap=False, batch=ROLLOUTS)
    asked = sampler.asked
    totals, first = [], float("inf")
    for size in (1, 4, ROLLOUTS):
        sampler.seconds = []
        for begin in range(0, len(asked), size):
            sampler.sample(asked[begin : begin + size])
        totals.append(sum(sampler.seconds))
        first = min(first, *sampler.seconds)
    return first, min(totals)


def _best(slots: int, overlap: bool, batch: int) -> tuple[float, float, int]:
    """Returns wall time, seconds of sampling, and number of batches; of the run with the least wall time."""
    runs = []
    for _ in range(REPEATS):
        sampler = Timed()
        wall = _play(sampler, slots, overlap=overlap, batch=batch)
        runs.append((wall, sum(sampler.seconds), len(sampler.seconds)))
    return min(runs)


def _play(sampler: Timed, slots: int, *, overlap: bool, batch: int) -> float:
    """Returns the seconds that a batch of episodes takes."""
    environment = _environment(slots)
    environment.reset()  # describes the problem
    budget = TokenBudget(turn=TOKENS, episode=16_000)
    requests = [EpisodeRequest(problem="core/softmax", seed=seed) for seed in range(ROLLOUTS)]
    chat = ChatTokens(sampler.tokenizer)
    begin = time.perf_counter()
    episodes = play(requests, environment, sampler, chat, budget, batch=batch, overlap=overlap)
    wall = time.perf_counter() - begin
    assert sum(len(episode.turns) for episode in episodes) == ROLLOUTS * TURNS
    environment.close()
    return wall
