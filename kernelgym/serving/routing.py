"""Which stations a task passes, and what their queues are called."""

from enum import StrEnum
from typing import Final

from kernelgym.evaluators.messages import Job, Task
from kernelgym.serving.identity import fingerprint
from sandboxes.contracts import Depth


class Station(StrEnum):
    """Where a part of the work is done."""

    TRACE = "trace"
    """A CPU worker with a sandbox: runs the candidate once, looks at the trace; describes and inspects problems."""
    REPLAY = "replay"
    """A CPU worker: compiles, runs the trace on fresh data, prices it."""
    MEASURE = "measure"
    """The one process that owns a GPU: runs and times the trace there."""


CPU_STATIONS: Final = (Station.TRACE, Station.REPLAY)


def route(task: Task) -> tuple[Station, ...]:
    """Returns the stations of a task, first one first; a task that fails at one never reaches the next."""
    if not isinstance(task, Job) or task.config.depth is Depth.PRICED:
        return (Station.TRACE,)
    return (Station.TRACE, Station.MEASURE if task.config.device == "cuda" else Station.REPLAY)


def queue_of(station: Station, target: str | None = None, versions: str | None = None) -> str:
    """Returns the name of a station's queue, e.g. `trace@1f00ba42` or `measure.h200@1f00ba42`.

    Args:
        station: Whose.
        target: GPU of a measuring station, as in `EvalConfig.target`.
        versions: Fingerprint of the judge; None: this machine's. It is part of the name so that workers of several
            versions can share a broker while one takes over from the other.

    Raises:
        ValueError: A measuring station without a target.
    """
    if station is Station.MEASURE and not target:
        raise ValueError("a measuring station has a queue for each target; name the target, e.g. h200")
    name = f"{station}.{target}" if station is Station.MEASURE else str(station)
    return f"{name}@{versions or fingerprint()}"


def queue_for(task: Task, station: Station) -> str:
    """Returns the queue in which `task` waits for `station`."""
    return queue_of(station, task.config.target if isinstance(task, Job) else None)
