"""Samples with vLLM, by the engine that TRL's trainer keeps in step with its model.

The engine draws by seeds of its own, so that a training with it can't be repeated token by token.

Where one engine serves several processes (a server, or tensor parallelism), each of them has to ask for the same number
of rows at the same time, or they get each other's. Episodes don't end at the same time, so before each generation the
processes tell each other what they want, and deal it out among themselves as evenly as it goes.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from policies.errors import PolicyBroken
from policies.training.exchange import Exchange
from policies.training.playing.sampler import Sampled, SamplingRequest


class Engine(Protocol):
    """What is used of `trl.generation.vllm_generation.VLLMGeneration`."""

    temperature: float
    max_completion_length: int
    generation_kwargs: dict[str, Any] | None

    def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> tuple[Any, ...]:
        """Returns prompts, completions, their log-probabilities `[row][token][0]`, and the tokens of these."""


class VLLMSampler:
    """Samples by TRL's engine; the log-probabilities are those that vLLM gives.

    Args:
        engine: `GRPOTrainer.vllm_generation`.
        ends: Tokens that end an action, at least one.
        exchange: Between the processes that share the engine; None: each has one of its own.
    """

    def __init__(self, engine: Engine, ends: Sequence[int], exchange: Exchange | None = None) -> None:
        self._engine = engine
        self._ends = frozenset(ends)
        self._filler = [ends[0]]
        self._exchange = exchange

    @classmethod
    def of_trainer(cls, trainer: Any, ends: Sequence[int], exchange: Exchange) -> "VLLMSampler":
        """Returns a sampler on the engine of one of TRL's trainers.

        Args:
            trainer: A `GRPOTrainer` with `use_vllm`, or a subclass.
            ends: Tokens that end an action.
            exchange: Between all processes.
        """
        shared = trainer.vllm_mode == "server" or trainer.vllm_tensor_parallel_size > 1
        return cls(trainer.vllm_generation, ends, exchange if shared and exchange.size > 1 else None)

    def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
        """Returns one action per request, in their order; waits for the other processes if they share the engine.

        Raises:
            PolicyBroken: The engine gives no log-probabilities.
        """
        return self._together(requests)[0]

    def accompany(self) -> bool:
        """Takes part in one generation of the others; returns False once nobody had a request, and at once alone."""
        return self._exchange is not None and self._together(())[1]

    def _together(self, mine: Sequence[SamplingRequest]) -> tuple[list[Sampled], bool]:
        """Returns the actions of this process, and whether any process had a request."""
        if self._exchange is None:
            sampled = self._share(mine, rank=0, size=1)
            return [sampled[index] for index in range(len(mine))], bool(mine)
        rank, size = self._exchange.rank, self._exchange.size
        wanted: list[Sequence[SamplingRequest]] = self._exchange.gather(mine)
        everything = [request for requests in wanted for request in requests]
        if not everything:
            return [], False
        sampled = {}
        for part in self._exchange.gather(self._share(everything, rank=rank, size=size)):
            sampled |= part
        before = sum(len(requests) for requests in wanted[:rank])
        return [sampled[before + index] for index in range(len(mine))], True

    def _share(self, requests: Sequence[SamplingRequest], *, rank: int, size: int) -> dict[int, Sampled]:
        """Returns this process's share of the actions, by the index of their request.

        Every process calls the engine equally often, with the same settings and number of rows.
        """
        sampled: dict[int, Sampled] = {}
        for temperature in dict.fromkeys(request.temperature for request in requests):
            alike = [index for index, request in enumerate(requests) if request.temperature == temperature]
            rows = -(-len(alike) // size)
            share = alike[rank * rows : (rank + 1) * rows]
            prompts = [list(requests[index].tokens) for index in share] + [self._filler] * (rows - len(share))
            limit = max(requests[index].max_new_tokens for index in alike)
            with self._set(temperature, limit):
                _, tokens, logprobs, *_ = self._engine.generate(prompts=prompts, images=None, num_generations=1)
            for row, index in enumerate(share):
                given = None if logprobs is None else logprobs[row]
                sampled[index] = self._sampled(tokens[row], given, requests[index].max_new_tokens)
        return sampled

    def _sampled(self, tokens: Sequence[int], logprobs: Sequence[Sequence[float | None]] | None, limit: int) -> Sampled:
        """Returns what the engine gave, up to a limit: what follows a token does not change how it was drawn."""
        written = tuple(tokens[:limit])
        known = [] if logprobs is None else [of_token[0] for of_token in logprobs[:limit]]
        if len(known) != len(written) or not all(value is not None and math.isfinite(value) for value in known):
            raise PolicyBroken(
                f"vLLM gave no log-probability for some of {len(written)} tokens; let its engine give those of sampled "
                "tokens (logprobs=0), and look for NaN in the model's outputs"
            )
        stopped = bool(written) and written[-1] in self._ends
        return Sampled(tokens=written, logprobs=tuple(value for value in known if value is not None), stopped=stopped)

    @contextmanager
    def _set(self, temperature: float, limit: int) -> Iterator[None]:
        """Sets how the engine draws, which TRL keeps for all rows of all calls."""
        engine = self._engine
        before = engine.temperature, engine.max_completion_length, engine.generation_kwargs
        engine.temperature, engine.max_completion_length = temperature, limit
        engine.generation_kwargs = {**(before[2] or {}), "temperature": temperature, "max_tokens": limit}
        try:
            yield
        finally:
            engine.temperature, engine.max_completion_length, engine.generation_kwargs = before
