"""What a program costs, node by node, with what the L2 cache keeps in between."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandboxes.contracts import Target
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.launches import price_launch
from sandboxes.hardware.pricing.operators import price_aten
from sandboxes.hardware.pricing.price import FREE_PRICE, Price
from sandboxes.hardware.residency import Residency


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedNode:
    """A node where it stands in its program."""

    price: Price
    cached_bytes: float
    """Of what it reads, what nodes before have left in the L2 cache."""


class ProgramPrices:
    """Prices programs from a cold cache; a node that has been priced in the same situation is not priced again.

    Args:
        target: The GPU.
        constants: Of the model.
        sizes: Bytes of storages, where they are known.
    """

    def __init__(
        self, target: Target, constants: Constants = DEFAULT, *, sizes: Mapping[int, float] | None = None
    ) -> None:
        self._target = target
        self._constants = constants
        self._sizes = sizes
        self._known: dict[tuple[int, frozenset[tuple[int, float]]], tuple[ProgramNode, Price]] = {}

    def __call__(self, nodes: Sequence[ProgramNode]) -> list[PricedNode]:
        """Returns what each node costs; what nobody could count is free here, and has to be said elsewhere."""
        residency = Residency(self._target.l2_mib * 2**20, self._sizes)
        priced = []
        for node in nodes:
            found = residency.found(node.reads, node.writes)
            priced.append(PricedNode(price=self._price(node, found), cached_bytes=sum(found.values())))
            residency.use(node.reads, node.writes)
        return priced

    def _price(self, node: ProgramNode, found: Mapping[int, float]) -> Price:
        key = id(node), frozenset(found.items())
        if key not in self._known:
            self._known[key] = (node, self._anew(node, found))  # holding the node keeps its id its own
        return self._known[key][1]

    def _anew(self, node: ProgramNode, found: Mapping[int, float]) -> Price:
        if node.launch is not None:
            return price_launch(self._target, node.launch, self._constants, _by_argument(node, found))
        if node.call is not None:
            cached = sum(found.values())
            return price_aten(self._target, node.call, self._constants, routine=node.routine, cached_bytes=cached)
        return FREE_PRICE


def _by_argument(node: ProgramNode, found: Mapping[int, float]) -> dict[str, float]:
    """Returns what is found by argument: those that share a storage share it by what they read of it."""
    assert node.launch is not None
    read: dict[str, float] = defaultdict(float)
    for access in node.launch.accesses:
        if access.kind != "store":
            read[access.argument] += access.distinct_bytes
    if not node.launch.accesses:
        read.update(dict.fromkeys(node.storages, 1.0))
    whole: dict[int, float] = defaultdict(float)
    for argument, storage in node.storages.items():
        whole[storage] += read.get(argument, 0.0)
    return {
        argument: found[storage] * read[argument] / whole[storage]
        for argument, storage in node.storages.items()
        if storage in found and read.get(argument)
    }
