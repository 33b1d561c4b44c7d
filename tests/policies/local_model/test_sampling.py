"""Tokens are drawn from the distribution that the options describe, row by row."""

import math

import pytest
import torch

from policies.local_model.sampling import RowSampler, keep_most_likely

PROBABILITIES = [0.5, 0.25, 0.15, 0.1]
LOGITS = torch.tensor(PROBABILITIES).log()
NO_TOKENS = torch.zeros((1, 1), dtype=torch.long)


def draw(rows: torch.Tensor, seeds: list[int], temperature: float = 1.0, top_p: float = 1.0) -> list[int]:
    sampler = RowSampler(seeds, temperature, top_p, rows.device)
    tokens: list[int] = sampler(NO_TOKENS, rows).argmax(dim=-1).tolist()
    return tokens


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, PROBABILITIES),
        (0.5, 1.0, [value**2 / sum(other**2 for other in PROBABILITIES) for value in PROBABILITIES]),
        (1.0, 0.7, [2 / 3, 1 / 3, 0.0, 0.0]),
    ],
)
def test_tokens_are_as_frequent_as_they_are_likely(temperature: float, top_p: float, expected: list[float]) -> None:
    draws = 4000
    tokens = draw(LOGITS.expand(draws, 4), list(range(draws)), temperature, top_p)
    for token, share in enumerate(expected):
        deviation = math.sqrt(share * (1 - share) / draws)
        assert abs(tokens.count(token) / draws - share) <= 4 * deviation


def test_without_temperature_the_most_likely_token_is_taken() -> None:
    assert draw(LOGITS.expand(50, 4), list(range(50)), temperature=0.0, top_p=0.1) == [0] * 50


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.51, 0.9, 0.999])
def test_the_fewest_tokens_that_reach_the_share_are_kept(top_p: float) -> None:
    logits = torch.randn((6, 40), generator=torch.Generator().manual_seed(1)) * 3
    kept = keep_most_likely(logits, top_p).isfinite()
    for row, mask in zip(logits.softmax(dim=-1).double().tolist(), kept.tolist(), strict=True):
        total, expected = 0.0, [False] * len(row)
        for token in sorted(range(len(row)), key=lambda index: -row[index]):
            if total >= top_p:
                break
            expected[token] = True
            total += row[token]
        assert mask == expected


def test_a_row_draws_the_same_whoever_shares_its_batch() -> None:
    rows = torch.randn((3, 500), generator=torch.Generator().manual_seed(2))
    together = RowSampler([7, 8, 9], 1.0, 0.9, rows.device)
    alone = RowSampler([8], 1.0, 0.9, rows.device)
    for _ in range(5):
        assert torch.equal(together(NO_TOKENS, rows)[1], alone(NO_TOKENS, rows[1:2])[0])
