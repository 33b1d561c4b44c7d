"""One ratio per turn, against the geometric mean by loops."""

import math

import torch
from torch import Tensor

from policies.training.trainer.turn_ratio import anchored, turn_means

IDS = torch.tensor([[0, 0, -1, 1, 1, 1, -1], [0, -1, 1, -1, 2, 2, 2]])


def drawn(seed: int) -> Tensor:
    return -torch.rand(IDS.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_ratio_of_every_token_is_the_geometric_mean_of_its_turn() -> None:
    logps, old, mask = drawn(0), drawn(1), (IDS >= 0).long()
    ratios = (logps - anchored(logps, old, mask, IDS)).exp()
    for row in range(2):
        for turn in range(int(IDS[row].max()) + 1):
            places = (IDS[row] == turn).nonzero()[:, 0].tolist()
            mean = sum(float(logps[row, at] - old[row, at]) for at in places) / len(places)
            assert all(math.isclose(float(ratios[row, at]), math.exp(mean), rel_tol=1e-12) for at in places)


def test_tokens_outside_the_mask_are_not_in_the_mean() -> None:
    values, mask = drawn(2), (IDS >= 0).long()
    mask[0, 3] = 0
    assert torch.isclose(turn_means(values, mask, IDS)[0, 4], values[0, 4:6].mean())


def test_the_gradient_is_that_of_the_ratio_per_turn() -> None:
    logps, old, mask = drawn(3).requires_grad_(), drawn(4), (IDS >= 0).long()
    (logps - anchored(logps, old, mask, IDS)).exp().where(IDS >= 0, 0.0).sum().backward()  # type: ignore[no-untyped-call]
    free = logps.detach().clone().requires_grad_()
    total = free.new_zeros(())
    for row in range(2):
        for turn in range(int(IDS[row].max()) + 1):
            turn_mask = IDS[row] == turn
            total = total + turn_mask.sum() * (free - old)[row][turn_mask].mean().exp()
    total.backward()  # type: ignore[no-untyped-call]
    assert logps.grad is not None
    assert free.grad is not None
    assert torch.allclose(logps.grad, free.grad, rtol=1e-12)
