"""What is kept of one kernel: its measured times, and everything that the model prices it from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter

from sandboxes.contracts import Target
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing import DEFAULT, Constants
from sandboxes.hardware.pricing.programs import PricedNode, ProgramPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Of one kernel at one shape, in microseconds."""

    candidate_us: float
    reference_us: float

    @property
    def speedup(self) -> float:
        """Reference over candidate."""
        return self.reference_us / self.candidate_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a program is priced from."""

    nodes: tuple[ProgramNode, ...]
    sizes: dict[int, float] = field(default_factory=dict)
    """Bytes by storage: what the L2 cache may keep from node to node."""

    def time_us(self, target: Target, constants: Constants = DEFAULT) -> float:
        """Returns what the model says of it."""
        return sum(node.price.time_us for node in self._prices(target, constants))

    def band_us(self, target: Target, constants: Constants = DEFAULT) -> tuple[float, float]:
        """Returns between which times the model expects it."""
        bands = [node.price.band for node in self._prices(target, constants)]
        return sum(low for low, _ in bands), sum(high for _, high in bands)

    def _prices(self, target: Target, constants: Constants) -> list[PricedNode]:
        return ProgramPrices(target, constants, sizes=self.sizes or None)(self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A candidate that a GPU has run and the model has priced."""

    name: str
    problem: str
    kind: str
    """`core`, `search` or `honest`: where it comes from."""
    measured: Times
    modelled: Times
    """As the report of the measurement has it: by the constants of that day."""
    band_us: tuple[float, float] | None = None
    """Between which times the model expected `measured.candidate_us`."""
    explanation: dict[str, Any]
    """For people: bounds, parts and what would help, node by node, by the constants of that day."""
    measured_nodes_us: dict[int, float] = field(default_factory=dict)
    """By node, where the GPU's profile tells."""
    candidate: Facts | None = None
    """None if the facts of what was measured are not known (another variant was timed than priced)."""
    reference: Facts | None = None

    @property
    def refits(self) -> bool:
        """Whether it can be priced again, with other constants."""
        return self.candidate is not None and self.reference is not None


_KERNELS: Final = TypeAdapter(list[Kernel])


def to_json(kernels: Sequence[Kernel]) -> list[dict[str, Any]]:
    """Returns kernels as plain data."""
    plain: list[dict[str, Any]] = _KERNELS.dump_python(list(kernels), mode="json")
    return plain


def from_json(plain: Sequence[Any]) -> list[Kernel]:
    """Reads what `to_json` returns.

    Raises:
        pydantic.ValidationError: It is something else, or of another version.
    """
    return _KERNELS.validate_python(list(plain), strict=False)


def priced(kernel: Kernel, target: Target, constants: Constants = DEFAULT) -> Times:
    """Returns what the model says of a kernel with some constants.

    Raises:
        ValueError: Its facts are not known.
    """
    if kernel.candidate is None or kernel.reference is None:
        raise ValueError(f"nobody knows what `{kernel.name}` was priced from; leave out kernels that do not refit")
    return Times(
        candidate_us=kernel.candidate.time_us(target, constants),
        reference_us=kernel.reference.time_us(target, constants),
    )
