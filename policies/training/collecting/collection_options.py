"""Which rules choose what a training step learns from; by default none but the loss of evaluations."""

from dataclasses import dataclass, field

from kernelgym.errors import BadUsage
from policies.curriculum import CORRECT, Speaking, Success
from policies.diversity import DiversityTemperature, TemperatureState
from policies.training.collecting.dynamic_sampling import DynamicSampling
from policies.training.collecting.rejection import TurnRejection
from policies.truncation import TruncationRule


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOptions:
    """How a batch is collected.

    Raises:
        BadUsage: A number is out of range.
    """

    dynamic_sampling: DynamicSampling = field(default_factory=DynamicSampling)
    rejection: TurnRejection | None = None
    """Profiling-based rejection sampling; None: off."""
    truncation: TruncationRule | None = None
    """Which turns that were cut off are masked; None: none."""
    retry_lost: int = 0
    """How often episodes that were lost to the infrastructure are played again, with the same seeds: whoever is in the
    baseline then does not depend on who was unlucky first."""
    lost_batches: int = 3
    """After how many batches in a row of which everything was lost the training ends; 0: never."""
    success: Success = CORRECT
    """What the curriculum counts as a success; has to be what its book was made for."""
    speaking: Speaking = Speaking.BEST
    """Which turn has to be one."""
    temperature: float = 1.0
    """Of the sampling; of the first stage, if diversity decides it."""
    diversity: DiversityTemperature | None = None
    """Moves the temperature so that answers stay as different as they were; None: it stays."""
    measure_diversity: bool = False
    """Tells of the diversity also where it decides nothing; about a second per million tokens."""

    def __post_init__(self) -> None:
        if self.retry_lost < 0:
            raise BadUsage(f"retry_lost is {self.retry_lost}; give how often to play lost episodes again, from 0")
        if self.lost_batches < 0:
            raise BadUsage(
                f"lost_batches is {self.lost_batches}; give after how many lost batches a training ends, or 0: never"
            )
        if not 0.0 < self.temperature < float("inf"):
            raise BadUsage(f"temperature is {self.temperature}; give a positive number")
        if self.diversity is not None:
            self.diversity.start(self.temperature)  # refuses a temperature that is out of its bounds

    @property
    def measures_diversity(self) -> bool:
        """Whether diversity is measured."""
        return self.measure_diversity or self.diversity is not None

    @property
    def first_temperature(self) -> TemperatureState:
        """Where the temperature of a training begins."""
        return (
            TemperatureState(temperature=self.temperature)
            if self.diversity is None
            else self.diversity.start(self.temperature)
        )
