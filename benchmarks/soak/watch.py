"""How much memory each process holds over time, and what is left behind."""

import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

from benchmarks.hosted.family import Process, descendants, everybody, look, reap
from benchmarks.hosted.service import Service
from benchmarks.soak.faults import INNER
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from sandboxes.contracts import Outcome

EVERY_S: Final = 5.0
WARM_UP_S: Final = 120.0
"""Of a process' life: caches fill."""
VERDICTS: Final = 2000
"""Newest lines of the ledger's list that are read at a time: many more than there are between two readings."""
MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory of one process, or of the store, at a time."""

    at_s: float
    mib: float


class Watch:
    """Samples all processes of a service, and this one; a thread of its own.

    Args:
        service: Whose.
    """

    def __init__(self, service: Service) -> None:
        self.redis_keys: list[tuple[float, int]] = []
        self.orphans: dict[tuple[int, int], tuple[str, float, float]] = {}
        """Processes whose parent was killed: command, when they were seen first and last."""
        self.pids: set[int] = set()
        """All processes of the service that were ever seen."""
        self.settled: dict[str, dict[float, str]] = defaultdict(dict)
        """Lines of the ledger's list of verdicts: by job, when and how it was settled."""
        self._service = service
        self._ledger = RedisLedger(service.redis.url)
        self._series: dict[tuple[str, int, int], list[Sample]] = defaultdict(list)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends sampling; calling it again does nothing."""
        self._stopping.set()
        self._thread.join()
        self._ledger.close()

    def settled_twice(self) -> list[str]:
        """Returns jobs that were settled again though they had an answer other than `infrastructure`."""
        found = []
        for job, lines in self.settled.items():
            outcomes = [outcome for _, outcome in sorted(lines.items())]
            if any(outcome not in ("refused", Outcome.INFRASTRUCTURE) for outcome in outcomes[:-1]):
                found.append(f"{job}: {', '.join(outcomes)}")
        return found

    def slopes(self) -> dict[str, dict[str, float]]:
        """Returns by role how fast memory grows: MiB an hour, over all lives of at least two minutes after warm-up."""
        roles: dict[str, list[list[Sample]]] = defaultdict(list)
        for (role, _, _), series in self._series.items():
            roles[role].append(series)
        return {role: slope(lives) for role, lives in sorted(roles.items())}

    def lasting_orphans(self, longer_than_s: float) -> list[str]:
        """Returns processes that went on for longer than that after their parent had been killed."""
        return [
            f"{command[:200]} ({last - first:.0f} s)"
            for command, first, last in self.orphans.values()
            if last - first > longer_than_s
        ]

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(0.5):
            processes = everybody()
            self._note_orphans(processes)
            self.pids |= {process.pid for process in descendants(os.getpid(), processes)}
            if time.monotonic() >= due:
                due += EVERY_S
                self._sample(processes)

    def _sample(self, processes: dict[int, Process]) -> None:
        now = time.monotonic()
        self._note("harness", look(os.getpid()), now)
        self._note("redis process", look(self._service.redis.pid), now)
        for part in self._service.parts.values():
            process = processes.get(part.pid)
            self._note(part.name, process, now)
            for child in descendants(part.pid, processes):
                if f"-m {INNER} " in f"{child.command} ":
                    self._note(f"{part.name} evaluator", child, now)
                elif child.parent == part.pid:
                    self._note(f"{part.name} child", child, now)
        self._sample_redis(now)

    def _sample_redis(self, now: float) -> None:
        try:
            with self._service.redis.client() as redis:
                used = redis.info("memory")["used_memory"]
                self.redis_keys.append((now, redis.dbsize()))
                self._series[("redis used_memory", 0, 0)].append(Sample(now, used / MIB))
            for verdict in self._ledger.verdicts(VERDICTS):
                self.settled[verdict.id][verdict.at] = verdict.outcome
        except (RedisError, LedgerUnavailable):
            return  # it is down, which is a fault's doing

    def _note(self, role: str, process: Process | None, now: float) -> None:
        if process is not None and not process.gone:
            self._series[(role, process.pid, process.born)].append(Sample(now, process.rss_mib))

    def _note_orphans(self, processes: dict[int, Process]) -> None:
        now = time.monotonic()
        ours = {part.pid for part in self._service.parts.values()} | {self._service.redis.pid}
        for process in processes.values():
            if process.parent != os.getpid() or process.pid in ours:
                continue
            if process.gone:
                reap(process.pid)
                continue
            identity = (process.pid, process.born)
            first = self.orphans.get(identity, (process.command, now, now))[1]
            self.orphans[identity] = (process.command, first, now)


def slope(lives: list[list[Sample]]) -> dict[str, float]:
    """Returns the common slope of several lives, each with a level of its own, and what they held at most.

    Least squares within lives: `sum((t - mean t) (m - mean m)) / sum((t - mean t)^2)`; `stderr` is what residuals make
    of it, as if they were independent.
    """
    tops = [max(sample.mib for sample in series) for series in lives if series]
    found = {"lives": len(lives), "peak_mib": round(max(tops, default=0.0), 1)}
    moments = hours = 0.0
    points: list[tuple[float, float]] = []
    warm = [[sample for sample in series if sample.at_s - series[0].at_s >= WARM_UP_S] for series in lives]
    lasting = [series for series in warm if len(series) >= 3 and series[-1].at_s - series[0].at_s >= WARM_UP_S]
    for series in lasting:
        mean_s = statistics.fmean(sample.at_s for sample in series)
        mean_mib = statistics.fmean(sample.mib for sample in series)
        for sample in series:
            offset_h, offset_mib = (sample.at_s - mean_s) / 3600, sample.mib - mean_mib
            points.append((offset_h, offset_mib))
            moments += offset_h * offset_mib
            hours += offset_h**2
    if not points or hours == 0:
        return found
    steepness = moments / hours
    left = sum((mib - steepness * at_h) ** 2 for at_h, mib in points)
    freedom = max(1, len(points) - len(lasting) - 1)
    observed_s = sum(series[-1].at_s - series[0].at_s for series in lasting)
    return found | {
        "observed_s": round(observed_s),
        "median_mib": round(statistics.median(sample.mib for series in lasting for sample in series), 1),
        "mib_per_hour": round(steepness, 2),
        "stderr": round((left / freedom / hours) ** 0.5, 2),
    }


def files_below(folder: Path) -> list[str]:
    """Returns what lies in a folder: names, one level deep."""
    return sorted(str(entry.name) for entry in folder.iterdir()) if folder.is_dir() else []


def control_groups(pids: set[int]) -> list[str]:
    """Returns control groups of the sandboxes of these processes (`kernelgym-<pid>-...`)."""
    root = Path("/sys/fs/cgroup")
    ours = tuple(f"kernelgym-{pid}-" for pid in pids)
    return sorted(str(path.relative_to(root)) for path in _folders(root, depth=3) if path.name.startswith(ours))


def _folders(root: Path, depth: int) -> Iterable[Path]:
    if depth == 0 or not root.is_dir():
        return
    try:
        below = [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return
    for path in below:
        yield path
        yield from _folders(path, depth - 1)
