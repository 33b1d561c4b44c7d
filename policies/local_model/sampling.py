"""Draws tokens so that a row of a batch does not depend on the others: each has a random generator of its own."""

import threading
from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, StoppingCriteria


class RowSampler(LogitsProcessor):
    """Adds to each row's logits the noise that makes the most likely token a draw from the row's distribution.

    The largest of logits with Gumbel noise is distributed as their softmax, so greedy search does the rest, and the
    noise of a row comes from its own seed.

    Args:
        seeds: One per row.
        temperature: Divides the logits; 0: no noise, and `top_p` has no meaning.
        top_p: The most likely tokens that have this probability together are kept.
        device: Of the logits.
    """

    def __init__(self, seeds: Sequence[int], temperature: float, top_p: float, device: torch.device) -> None:
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._temperature = temperature
        self._top_p = top_p

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Returns logits of shape (rows, vocabulary), in float32."""
        logits = scores.float()
        if self._temperature == 0:
            return logits  # type: ignore[return-value]
        logits = keep_most_likely(logits / self._temperature, self._top_p)
        waits = [torch.empty_like(logits[0]).exponential_(generator=generator) for generator in self._generators]
        return logits - torch.stack(waits).log()  # type: ignore[return-value]


def keep_most_likely(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Returns `logits` with minus infinity for all but the fewest tokens whose probabilities add up to `top_p`."""
    if top_p >= 1:
        return logits
    ordered, tokens = logits.sort(dim=-1, descending=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, tokens, before >= top_p)
    return logits.masked_fill(dropped, float("-inf"))


class StopWhen(StoppingCriteria):
    """Ends the generation of all rows once an event is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        """Returns for each row whether it is done."""
        rows = (input_ids.shape[0],)
        return torch.full(rows, self._event.is_set(), dtype=torch.bool, device=input_ids.device)  # type: ignore[return-value]
