"""A discrete-event model of the service: jobs pass pools of workers, each job its own way and with its own times.

A pool is a number of equal workers before which jobs wait, urgent ones first, else in order of arrival. Nothing breaks
and nobody cancels. What a job costs beside the work (the ledger, the queue, the wire) is a delay during which no worker
is taken.
"""

import heapq
import random
import statistics
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import simpy

URGENT: Final = 0
BATCH: Final = 1


@dataclass(frozen=True, slots=True)
class Visit:
    """One station of a job."""

    pool: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """One job."""

    at_s: float
    visits: tuple[Visit, ...]
    priority: int = BATCH


@dataclass(frozen=True, slots=True)
class Answered:
    """One job that was answered."""

    arrived_s: float
    ended_s: float
    priority: int

    @property
    def latency_s(self) -> float:
        return self.ended_s - self.arrived_s


@dataclass(slots=True)
class Course:
    """What became of all jobs."""

    answered: list[Answered] = field(default_factory=list)
    """In the order in which they were."""
    busy_s: dict[str, float] = field(default_factory=dict)
    """Time that all workers of a pool have worked, together."""
    last_busy_s: dict[str, float] = field(default_factory=dict)
    """When a pool had work last."""

    @property
    def ended_s(self) -> float:
        """When the last one was answered."""
        return self.answered[-1].ended_s if self.answered else 0.0

    def latencies_s(self, priority: int | None = None) -> list[float]:
        """Returns times from arrival to answer; None: of all priorities."""
        return [job.latency_s for job in self.answered if priority in (None, job.priority)]

    def percentile_s(self, share: float, priority: int | None = None) -> float:
        """Returns the latency that `share` of the jobs do not exceed."""
        values = sorted(self.latencies_s(priority))
        return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


class Pool:
    """Workers, and those who wait for one.

    simpy's own resource sorts all who wait each time that somebody comes; a batch is ten thousands.

    Args:
        world: The simulation.
        workers: How many.
    """

    def __init__(self, world: simpy.Environment, workers: int) -> None:
        self._world = world
        self._free = workers
        self._waiting: list[tuple[int, int, simpy.Event]] = []
        self._came = 0

    def take(self, priority: int) -> simpy.Event:
        """Returns an event that happens when there is a worker."""
        turn = self._world.event()
        if self._free:
            self._free -= 1
            turn.succeed()
        else:
            self._came += 1
            heapq.heappush(self._waiting, (priority, self._came, turn))
        return turn

    def give_back(self) -> None:
        """Lets the next one have the worker."""
        if self._waiting:
            heapq.heappop(self._waiting)[2].succeed()
        else:
            self._free += 1


def simulate(arrivals: Iterable[Arrival], workers: Mapping[str, int], overhead_s: float = 0.0) -> Course:
    """Returns what becomes of jobs.

    Args:
        arrivals: In order of time.
        workers: Of each pool.
        overhead_s: What each visit costs in time, beside its seconds.
    """
    world = simpy.Environment()
    pools = {name: Pool(world, count) for name, count in workers.items()}
    course = Course(busy_s=dict.fromkeys(workers, 0.0), last_busy_s=dict.fromkeys(workers, 0.0))

    def passing(arrival: Arrival) -> Generator[simpy.Event, None, None]:
        for visit in arrival.visits:
            if overhead_s:
                yield world.timeout(overhead_s)
            yield pools[visit.pool].take(arrival.priority)
            yield world.timeout(visit.seconds)
            pools[visit.pool].give_back()
            course.busy_s[visit.pool] += visit.seconds
            course.last_busy_s[visit.pool] = world.now
        course.answered.append(Answered(arrival.at_s, world.now, arrival.priority))

    def arriving() -> Generator[simpy.Event, None, None]:
        for arrival in arrivals:
            if arrival.at_s > world.now:
                yield world.timeout(arrival.at_s - world.now)
            world.process(passing(arrival))

    world.process(arriving())
    world.run()
    return course


def poisson(
    rate_per_s: float, count: int, visits: Callable[[random.Random], tuple[Visit, ...]], chance: random.Random
) -> list[Arrival]:
    """Returns jobs that come at random, on average so many a second."""
    at_s = 0.0
    found = []
    for _ in range(count):
        at_s += chance.expovariate(rate_per_s)
        found.append(Arrival(at_s, visits(chance)))
    return found


def at_once(count: int, visits: Callable[[random.Random], tuple[Visit, ...]], chance: random.Random) -> list[Arrival]:
    """Returns a batch: all jobs come together, as a step of training sends them."""
    return [Arrival(0.0, visits(chance)) for _ in range(count)]


def mean(values: Sequence[float]) -> float:
    """Returns the mean; 0 of nothing."""
    return statistics.fmean(values) if values else 0.0
