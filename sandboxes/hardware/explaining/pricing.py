"""Prices whole programs for explanations: what a change saves elsewhere, through the L2 cache, counts, too."""

from collections.abc import Mapping, Sequence

from sandboxes.contracts import Target
from sandboxes.hardware.explaining.nodes import NodeTime, ProgramNode
from sandboxes.hardware.pricing import DEFAULT, Constants
from sandboxes.hardware.pricing.programs import ProgramPrices


class ProgramPricing:
    """Implements `Pricing` with the hardware model.

    Args:
        target: The GPU.
        constants: Of the model.
        sizes: Bytes of storages, where they are known.
    """

    def __init__(
        self, target: Target, constants: Constants = DEFAULT, *, sizes: Mapping[int, float] | None = None
    ) -> None:
        self._prices = ProgramPrices(target, constants, sizes=sizes)

    def __call__(self, program: Sequence[ProgramNode]) -> list[NodeTime]:
        """Returns what each node costs."""
        return [NodeTime(time_us=each.price.time_us, cached_bytes=each.cached_bytes) for each in self._prices(program)]
