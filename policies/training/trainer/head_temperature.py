"""The temperature by which TRL's language-model head divides logits, which it fixes when a trainer is made.

Episodes may be sampled at another one from batch to batch. A policy is its distribution at the temperature that it was
sampled at: log-probabilities and gradients at any other are those of a policy that wrote nothing.
"""

from types import CellType, FunctionType, MethodType
from typing import Any


class HeadTemperature:
    """The temperature of one or more patched models; a trainer sets it before each of their passes.

    Args:
        models: As `trl.trainer.utils.add_fused_lm_head` left them.

    Raises:
        RuntimeError: They were not patched in the way that this knows: another version of TRL.
    """

    def __init__(self, *models: Any) -> None:
        self._cells = [_cell(model) for model in models]

    def set(self, temperature: float) -> None:
        """Makes all log-probabilities from now on those at this temperature."""
        for cell in self._cells:
            cell.cell_contents = temperature


def _cell(model: Any) -> CellType:
    forward = vars(model).get("_original_forward", model.forward)  # accelerate's autocast is put around it
    function = forward.__func__ if isinstance(forward, MethodType) else None
    names = function.__code__.co_freevars if isinstance(function, FunctionType) else ()
    if not isinstance(function, FunctionType) or "temperature" not in names or function.__closure__ is None:
        raise RuntimeError(f"the head of {type(model).__name__} holds no temperature; use trl>=1.16,<1.17")
    return function.__closure__[names.index("temperature")]
