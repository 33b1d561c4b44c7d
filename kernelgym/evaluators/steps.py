"""What is said on the way from tasks to answers, and what is heard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernelgym.evaluators.messages import Task
from kernelgym.serving.jobs import JobView


@dataclass(slots=True, eq=False)
class Want:
    """One task on its way."""

    index: int
    task: Task
    alone: bool = False
    """It has to be sent by itself: together with others it made no sense."""
    due: float = 0.0
    """When patience with it ends; 0 before it was first sent."""
    resent: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Submit these; answered by one `JobView` each, in their order."""

    wants: tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask what became of these, waiting until there is an answer; answered by `Told`."""

    ids: tuple[str, ...]
    wait_s: float
    at: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the interest in these back; no answer is needed."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """Do nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of jobs; those under way are left out."""

    views: Sequence[JobView] = ()
    """Done or cancelled ones."""
    unknown: Iterable[str] = ()
    """To be sent again."""


Words = Send | Ask | Drop
