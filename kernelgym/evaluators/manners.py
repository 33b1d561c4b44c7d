"""How one speaks to those who do the work: how much at a time, and for how long."""

from dataclasses import dataclass
from typing import Final

from kernelgym.errors import BadUsage

MAX_IN_FLIGHT: Final = 1024
"""Most tasks of one pursuit that are under way; a server takes no longer list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How much is asked for at a time, and for how long."""

    in_flight: int = 256
    """Tasks that were taken and whose answer the caller does not have yet; at most `MAX_IN_FLIGHT`."""
    batch: int = 64
    """Most tasks of one message."""
    batch_characters: int = 1_000_000
    """Most source code of one message; a single task may have more."""
    deadline_s: float = 900.0
    """Patience with one job."""
    patience_s: float = 600.0
    """Patience with a line that fails, from its first failure on; then all that is open is lost."""
    greeting_s: float = 20.0
    """The same before the other side has ever answered: more likely the address is wrong."""
    pause_s: float = 0.1
    """Mean pause after the first failure is half of it; doubles with each one."""
    longest_pause_s: float = 10.0
    longest_wait_s: float = 20.0
    """Longest wait for an answer in one message."""
    silence_s: float = 10.0
    """Longest silence of a server that has to answer at once; beyond a wait, where it need not."""
    gap_s: float = 0.0
    """Time between two questions: who asks for many gets several answers at a time, and asks less often."""

    def __post_init__(self) -> None:
        if not 1 <= self.in_flight <= MAX_IN_FLIGHT:
            raise BadUsage(f"in_flight is {self.in_flight}; give a number from 1 to {MAX_IN_FLIGHT}")
        for name in ("deadline_s", "patience_s", "silence_s"):
            if not getattr(self, name) > 0:
                raise BadUsage(f"{name} is {getattr(self, name)}; give a number of seconds above 0")
