"""What is kept of one kernel: its measured times, and everything that the model prices it from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from sandboxes.contracts import Target
from sandboxes.hardware.explaining import ProgramNode, ProgramPricing
from sandboxes.hardware.pricing import DEFAULT, Constants


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
    """For people: bounds, parts and what would help, node by node."""
    candidate: tuple[ProgramNode, ...] | None = None
    """None if the facts of what was measured are not known (another variant was timed than priced)."""
    reference: tuple[ProgramNode, ...] | None = None

    @property
    def refits(self) -> bool:
        """Whether it can be priced again, with other constants."""
        return bool(self.candidate) and bool(self.reference)


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
    pricing = ProgramPricing(target, constants)
    return Times(
        candidate_us=sum(time.time_us for time in pricing(kernel.candidate)),
        reference_us=sum(time.time_us for time in pricing(kernel.reference)),
    )
