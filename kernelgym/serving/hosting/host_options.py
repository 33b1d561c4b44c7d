"""What `kernelgym worker` is told."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.evaluators.messages import Ready
from kernelgym.evaluators.started import AUTO_GPU, WORKER_MODULE
from kernelgym.serving.identity import SIMULATED
from kernelgym.serving.routing import CPU_STATIONS, Station, queue_of
from sandboxes.hardware.targets import UnknownTarget, get_target

DRAIN_S: Final = 30.0
"""What Kubernetes gives a process to end, by default."""


GPU_NAME: Final = re.compile(r"\d{1,3}|(?:GPU|MIG)-[0-9A-Za-z/-]{1,100}|simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How a worker is hosted."""

    redis_url: str
    """Broker and ledger."""
    stations: tuple[Station, ...] = CPU_STATIONS
    """What it does; on a CPU."""
    gpu: str | None = None
    """Index or UUID of the GPU that it measures on, instead of `stations`; `simulated` for one that is not there."""
    target: str | None = None
    """What that GPU is."""
    processes: int = 1
    """Jobs at a time."""
    threads: int = 1
    """CPU threads of each."""
    sandbox: str = "auto"
    """Where candidates run."""
    ready: Ready | None = None
    """What that GPU is, once it has been looked at."""
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
                raise BadUsage(f"--target is {self.target!r} without --gpu; name the GPU's index or UUID, e.g. --gpu 0")
            if not self.stations or Station.MEASURE in self.stations:
                raise BadUsage("--queues can be trace, replay or both; a GPU's worker takes --gpu and --target")
            return
        if not GPU_NAME.fullmatch(self.gpu):
            raise BadUsage(f"--gpu is {self.gpu!r}; give an index, a UUID as `nvidia-smi -L` lists them, or simulated")
        if self.target is None:
            raise BadUsage(f"--gpu is {self.gpu} without --target; name the GPU's model, e.g. --target h200")
        try:
            get_target(self.target)
        except UnknownTarget as error:
            raise BadUsage(f"--target: {error}") from error
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
        if self.gpu is None:
            return "cpu"
        return f"cuda:{self.gpu} ({self.target if self.ready is None else self.ready.title})"

    @property
    def is_simulated(self) -> bool:
        """Whether its GPU is one that is not there."""
        return self.gpu == SIMULATED

    @property
    def opened(self) -> str:
        """What the processes below open: with `CUDA_VISIBLE_DEVICES` set to it, a GPU is the first one."""
        return f"{SIMULATED}:{self.target}" if self.is_simulated else AUTO_GPU

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
