"""A `play` that follows a script, and processes that are threads."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from sandboxes.contracts import Outcome
from tests.policies.training.played import played

Script = Callable[[EpisodeRequest], PlayedEpisode]
Value = TypeVar("Value")


@dataclass
class ScriptedPlay:
    """Answers each request by a script; remembers all calls."""

    script: Script
    calls: list[list[EpisodeRequest]] = field(default_factory=list)

    def __call__(self, requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        self.calls.append(list(requests))
        return [
            replace(self.script(request), problem=request.problem, seed=request.seed, temperature=request.temperature)
            for request in requests
        ]

    @property
    def requests(self) -> list[EpisodeRequest]:
        return [request for call in self.calls for request in call]


def by_seed(request: EpisodeRequest) -> PlayedEpisode:
    """An episode of one to three turns that depends on the seed alone; some are lost, some cut off."""
    kinds: list[Outcome | float] = [
        Outcome.INCORRECT, Outcome.COMPILE_ERROR, Outcome.NO_CODE, 0.5, 1.0, 1.0, 2.0, Outcome.INFRASTRUCTURE
    ]  # fmt: skip
    turns = 1 + request.seed % 3
    verdicts = [kinds[(request.seed >> 3 * turn + 2) % 8 if turn else request.seed // 3 % 8] for turn in range(turns)]
    episode = played(*verdicts, tokens=6, stopped=request.seed % 4 > 0)
    return replace(
        episode, completion_ids=tuple(request.seed >> 7 * place & 1 for place in range(len(episode.turn_ids)))
    )


class ThreadedExchange:
    """One of several processes that are threads; a call that not all of them make fails after 10 s."""

    def __init__(self, rank: int, size: int, barrier: threading.Barrier, shared: list[Any]) -> None:
        self.rank, self.size = rank, size
        self.barrier, self.shared = barrier, shared
        self.calls = 0

    def gather(self, value: object) -> list[Any]:
        self.calls += 1
        self.shared[self.rank] = value
        self.barrier.wait(10)
        everything = list(self.shared)
        self.barrier.wait(10)
        return everything

    def broadcast(self, value: object) -> Any:
        return self.gather(value)[0]


def on_processes(size: int, work: Callable[[ThreadedExchange], Value]) -> list[Value]:
    """Returns what each process makes of its exchange."""
    barrier, shared = threading.Barrier(size), [None] * size
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda rank: work(ThreadedExchange(rank, size, barrier, shared)), range(size)))
