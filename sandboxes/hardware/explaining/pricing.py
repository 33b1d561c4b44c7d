"""Prices whole programs for explanations, each node once as long as nothing about it changes."""

from collections.abc import Sequence

from sandboxes.contracts import Target
from sandboxes.hardware.explaining.nodes import NodeTime, ProgramNode
from sandboxes.hardware.pricing import DEFAULT, Constants, price_aten, price_launch


class ProgramPricing:
    """Implements `Pricing` with the hardware model.

    Args:
        target: The GPU.
        constants: Of the model.
    """

    def __init__(self, target: Target, constants: Constants = DEFAULT) -> None:
        self._target = target
        self._constants = constants
        self._known: dict[int, tuple[ProgramNode, NodeTime]] = {}

    def __call__(self, program: Sequence[ProgramNode]) -> list[NodeTime]:
        """Returns what each node costs."""
        return [self._time(node) for node in program]

    def _time(self, node: ProgramNode) -> NodeTime:
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = (node, self._price(node))
        return known[1]

    def _price(self, node: ProgramNode) -> NodeTime:
        if node.launch is not None:
            return NodeTime(time_us=price_launch(self._target, node.launch, self._constants).time_us)
        if node.call is not None:
            return NodeTime(time_us=price_aten(self._target, node.call).time_us)
        return NodeTime(time_us=0.0)
