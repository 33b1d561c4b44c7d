"""Samples with the model that is trained, by the library `transformers`: no second copy of it, and no engine beside it.

Slower than vLLM, but exact: the log-probabilities are those of the very model, and a request gives the same action in
any batch, apart from rounding. Imports torch and transformers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from policies.local_model.sampling import RowSampler
from policies.training.playing.sampler import Sampled, SamplingRequest


class HFSampler:
    """Samples by `generate`.

    Args:
        model: A causal language model, or an adapter on one.
        ends: Tokens that end an action, at least one (`ChatTokens.ends`).
        unwrapped: Gives the model that can generate, for the time of one batch; None: `model` can.
    """

    def __init__(
        self, model: Any, ends: Sequence[int], *, unwrapped: Callable[[], AbstractContextManager[Any]] | None = None
    ) -> None:
        self._unwrapped = unwrapped if unwrapped is not None else lambda: nullcontext(model)
        self._ends = list(ends)

    @classmethod
    def of_trainer(cls, trainer: Any, ends: Sequence[int]) -> "HFSampler":
        """Returns a sampler on the model of one of TRL's trainers, as it is at the time of each batch.

        Args:
            trainer: A `GRPOTrainer`, or a subclass.
            ends: Tokens that end an action.
        """
        from trl.models.utils import unwrap_model_for_generation  # noqa: PLC0415 - takes seconds

        @contextmanager
        def unwrapped() -> Iterator[Any]:
            with (
                unwrap_model_for_generation(
                    trainer.model_wrapped,
                    trainer.accelerator,
                    gather_deepspeed3_params=trainer.args.ds3_gather_for_generation,
                    gradient_checkpointing_kwargs=trainer.args.gradient_checkpointing_kwargs,
                ) as model,
                trainer._dist.summon_full_params(trainer.model_wrapped, recurse=False),
            ):
                yield model

        return cls(None, ends, unwrapped=unwrapped)

    def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
        """Returns one action per request, in their order; one batch for each temperature among them.

        A model that has learned a table of positions gets more batches where a row that is nearly as long as the table
        would have to wait for others: rows that are done are read on until all of a batch are.
        """
        sampled: dict[int, Sampled] = {}
        for temperature in dict.fromkeys(request.temperature for request in requests):
            rows = [index for index, request in enumerate(requests) if request.temperature == temperature]
            with self._unwrapped() as model:
                most = _positions(model)
                for part in _within(most, rows, requests):
                    batch = [requests[index] for index in part]
                    sampled.update(zip(part, self._batch(model, batch, temperature), strict=True))
        return [sampled[index] for index in range(len(requests))]

    def _batch(self, model: Any, requests: Sequence[SamplingRequest], temperature: float) -> list[Sampled]:
        longest = max(len(request.tokens) for request in requests)
        gaps = [longest - len(request.tokens) for request in requests]
        limits = [request.max_new_tokens for request in requests]
        with _generating(model), torch.no_grad():
            device = model.device
            draws = _Draws([request.seed for request in requests], temperature, device)
            out = model.generate(
                input_ids=torch.tensor(
                    [[self._ends[0]] * gap + list(request.tokens) for gap, request in zip(gaps, requests, strict=True)],
                    device=device,
                ),
                attention_mask=torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps], device=device),
                generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
                    do_sample=False, max_new_tokens=max(limits), use_cache=True, disable_compile=True,
                    pad_token_id=self._ends[0], eos_token_id=self._ends,
                ),
                logits_processor=[draws],
                stopping_criteria=[_Limits(longest, limits, device)],
            )  # fmt: skip
        logprobs = torch.stack(draws.logprobs, dim=1).tolist()
        return [
            self._sampled(tokens[:limit], row)
            for tokens, row, limit in zip(out[:, longest:].tolist(), logprobs, limits, strict=True)
        ]

    def _sampled(self, tokens: list[int], logprobs: list[float]) -> Sampled:
        end = next((index for index, token in enumerate(tokens) if token in self._ends), None)
        written = tokens if end is None else tokens[: end + 1]
        return Sampled(tokens=tuple(written), logprobs=tuple(logprobs[: len(written)]), stopped=end is not None)


class _Draws(LogitsProcessor):
    """Adds each row's noise to its logits, and keeps how likely the token was that is the largest then.

    Only the log-probabilities of drawn tokens are kept, (rows,) per step: all logits of a long generation would fill
    the memory.
    """

    def __init__(self, seeds: Sequence[int], temperature: float, device: torch.device) -> None:
        self._rows = RowSampler(seeds, temperature, 1.0, device)
        self._temperature = temperature
        self.logprobs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        noisy = self._rows(input_ids, scores)
        if self._temperature == 0:
            self.logprobs.append(torch.zeros(len(scores), device=scores.device))  # there was no choice
        else:
            drawn = noisy.argmax(dim=-1, keepdim=True)
            self.logprobs.append((scores.float() / self._temperature).log_softmax(dim=-1).gather(1, drawn).squeeze(1))
        return noisy


class _Limits(StoppingCriteria):
    """Ends each row at its own number of tokens."""

    def __init__(self, prompt: int, limits: Sequence[int], device: torch.device) -> None:
        self._prompt = prompt
        self._limits = torch.tensor(limits, device=device)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        return input_ids.shape[1] - self._prompt >= self._limits  # type: ignore[return-value]


@contextmanager
def _generating(model: Any) -> Iterator[None]:
    """Puts a model in the state in which actions are drawn from its own distribution, and back.

    No dropout, and none of what its generation config changes, e.g. a penalty on repetitions, which an adapter and the
    model below it hold one each of.
    """
    parts = [model, model.get_base_model()] if hasattr(model, "get_base_model") else [model]
    configs = [part.generation_config for part in parts]
    training = model.training
    model.eval()
    try:
        for part in parts:
            part.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        yield
    finally:
        for part, config in zip(parts, configs, strict=True):
            part.generation_config = config
        model.train(training)


def _positions(model: Any) -> int | None:
    """Returns how many positions a model has learned; None: they are computed, and more of them than asked for do no
    harm.
    """
    config = model.config.get_text_config()
    rotary = any(getattr(config, name, None) is not None for name in ("rope_parameters", "rope_theta"))
    return None if rotary else getattr(config, "max_position_embeddings", None)


def _within(most: int | None, rows: Sequence[int], requests: Sequence[SamplingRequest]) -> list[list[int]]:
    """Deals rows out to batches in which the longest one has room for the most that any may write."""
    if most is None:
        return [list(rows)]
    batches: list[list[int]] = []
    for row in sorted(rows, key=lambda row: -requests[row].max_new_tokens):
        for batch in batches:
            longest = max(len(requests[index].tokens) for index in [*batch, row])
            if longest + requests[batch[0]].max_new_tokens <= most:
                batch.append(row)
                break
        else:
            batches.append([row])
    return batches
