"""What `kernelgym worker` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.evaluators.process import WORKER_MODULE
from kernelgym.serving.routing import CPU_STATIONS, Station, queue_of
from sandboxes.hardware.targets import TARGETS, UnknownTarget

DRAIN_S: Final = 30.0
"""What Kubernetes gives a process to end, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How a worker is hosted."""

    redis_url: str
    """Broker and ledger."""
    stations: tuple[Station, ...] = CPU_STATIONS
    """What it does; on a CPU."""
    gpu: int | None = None
    """Index of the GPU that it measures on, instead of `stations`."""
    target: str | None = None
    """What that GPU is."""
    processes: int = 1
    """Jobs at a time."""
    threads: int = 1
    """CPU threads of each."""
    sandbox: str = "auto"
    """Where candidates run."""
    name: str | None = None
    """What its processes' names begin with; None: the host's name."""
    drain_s: float = DRAIN_S
    """How long jobs may go on after SIGTERM."""
    truths: Path | None = None
    """Folder in which the workers of a machine share right answers; None: each works them out for itself."""
    worker_module: str = WORKER_MODULE
    """What evaluates; another one stands in where failures are tested."""

    def __post_init__(self) -> None:
        if self.processes < 1 or self.threads < 1:
            raise BadUsage(f"processes is {self.processes} and threads is {self.threads}; both must be at least 1")
        if self.gpu is None:
            if self.target is not None:
                raise BadUsage(f"--target is {self.target!r} without --gpu; name the GPU's index, e.g. --gpu 0")
            if not self.stations or Station.MEASURE in self.stations:
                raise BadUsage("--queues can be trace, replay or both; a GPU's worker takes --gpu and --target")
            return
        if self.target is None:
            raise BadUsage(f"--gpu is {self.gpu} without --target; name the GPU's model, e.g. --target h200")
        if self.target not in TARGETS:
            raise BadUsage(f"--target: {UnknownTarget(self.target)}")
        if self.processes != 1:
            raise BadUsage(f"--processes is {self.processes} with --gpu: one process measures on a GPU; leave it out")

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of the queues that it serves; what is nearest to its end comes first, so that little lies about."""
        if self.gpu is not None:
            return (queue_of(Station.MEASURE, self.target),)
        return tuple(queue_of(station) for station in reversed(CPU_STATIONS) if station in self.stations)

    @property
    def device(self) -> str:
        """What it works on, for people."""
        return "cpu" if self.gpu is None else f"cuda:{self.gpu} ({self.target})"

    @property
    def traces(self) -> bool:
        """Whether candidates run here."""
        return self.gpu is None and Station.TRACE in self.stations


def parse_queues(text: str) -> tuple[Station, ...]:
    """Returns the stations of `trace,replay`.

    Raises:
        BadUsage: One is none; names the closest.
    """
    known = [str(station) for station in CPU_STATIONS]
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            question = did_you_mean(name, known)
            raise BadUsage(f"--queues has {name!r}; {question} It can be {', '.join(known)}, or both")
    return tuple(Station(name) for name in dict.fromkeys(names))
