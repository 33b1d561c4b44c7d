"""Where two results differ by more than their rule allows."""

import torch
from torch import Tensor

from tests.agreement.kinds import EXACT, Rule

SIGNED = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(x: Tensor) -> Tensor:
    """The bits as signed integers, every NaN the same one: no two libraries agree on its payload."""
    whole = x.view(SIGNED[x.element_size()])
    return torch.where(torch.isnan(x), torch.iinfo(whole.dtype).max, whole) if x.is_floating_point() else whole


def _steps(x: Tensor) -> Tensor:
    """Floats as integers whose differences count representable numbers."""
    whole = x.view(SIGNED[x.element_size()]).to(torch.int64)
    least = torch.iinfo(SIGNED[x.element_size()]).min
    return torch.where(whole < 0, least - whole, whole)


def differing(ours: Tensor, theirs: Tensor, rule: Rule = EXACT, scale: Tensor | None = None) -> Tensor:
    """True where the results differ; ``scale`` is the tensor that ``rule.scale`` names."""
    different = bits(ours) != bits(theirs)
    if rule == EXACT or not ours.is_floating_point():
        return different
    if rule.ulps:
        near = (_steps(ours) - _steps(theirs)).abs() <= rule.ulps
        return different & ~(near & ~torch.isnan(ours) & ~torch.isnan(theirs))
    assert scale is not None
    wide = scale.to(torch.float64)
    # partial sums may overflow in one order and not in the other
    overflows = ~(wide < torch.finfo(ours.dtype).max / 4)
    tiny = torch.finfo(ours.dtype).smallest_normal
    near = (ours.to(torch.float64) - theirs.to(torch.float64)).abs() <= rule.factor * wide + tiny * rule.factor
    return different & ~near & ~overflows
