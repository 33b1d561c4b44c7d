"""Runs a scaled reference once on data: what it gives there must be worth comparing."""

from collections.abc import Mapping
from typing import Any, Final

import torch

from sandboxes.contracts import Reference
from sandboxes.errors import InvalidReference
from sandboxes.reference_module import ReferenceModule

FEW: Final = 8
"""Elements of an output that may all be equal."""


def flaw(reference: Reference, constants: Mapping[str, int]) -> str | None:
    """Returns what is wrong with a reference under some integers, or None.

    Wrong is: it raises on data, its output is not finite anywhere, all of it is the same number, or it is random.
    """
    try:
        module = ReferenceModule(reference, constants)
        first, second = _outputs(module, 1), _outputs(module, 2)
    except InvalidReference as error:
        return (
            f"it raises: {str(error).removeprefix(f'the reference `{module.id}` ')}"
            if "module" in locals()
            else str(error)
        )
    if not first:
        return "it returns no tensor"
    for one, two in zip(first, second, strict=True):
        if not torch.equal(one, two) and not torch.equal(one.isnan(), two.isnan()):
            return "its output is random"
        if not torch.allclose(one, two, equal_nan=True):
            return "its output is random: the same inputs and weights give other values (dropout?)"
        if not bool(torch.isfinite(one).any()):
            return "its output is not finite"
        if one.numel() >= FEW and bool((one == one.flatten()[0]).all()):
            return "all of its output is the same number"
    return None


def _outputs(module: ReferenceModule, seed: int) -> list[torch.Tensor]:
    """Returns the tensors of an output; inputs and weights don't depend on `seed`."""
    torch.manual_seed(0)
    model = module.build()
    inputs = module.inputs({})
    torch.manual_seed(seed)
    with torch.no_grad():
        return _tensors(module.run(model, inputs))


def _tensors(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for item in output for tensor in _tensors(item)] if isinstance(output, (list, tuple)) else []
