"""Which rules choose what a training step learns from; by default none but the loss of evaluations."""

from dataclasses import dataclass, field

from kernelgym.errors import BadUsage
from policies.curriculum import CORRECT, Speaking, Success
from policies.training.dynamic_sampling import DynamicSampling
from policies.training.rejection import TurnRejection


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOptions:
    """How a batch is collected.

    Raises:
        BadUsage: A number is out of range.
    """

    dynamic_sampling: DynamicSampling = field(default_factory=DynamicSampling)
    rejection: TurnRejection | None = None
    """Profiling-based rejection sampling; None: off."""
    retry_lost: int = 0
    """How often episodes that were lost to the infrastructure are played again, with the same seeds: whoever is in the
    baseline then does not depend on who was unlucky first."""
    success: Success = CORRECT
    """What the curriculum counts as a success; has to be what its book was made for."""
    speaking: Speaking = Speaking.BEST
    """Which turn has to be one."""
    temperature: float = 1.0
    """Of the sampling, until the diversity of the answers says otherwise."""

    def __post_init__(self) -> None:
        if self.retry_lost < 0:
            raise BadUsage(f"retry_lost is {self.retry_lost}; give how often to play lost episodes again, from 0")
        if not 0.0 < self.temperature < float("inf"):
            raise BadUsage(f"temperature is {self.temperature}; give a positive number")
