"""`python -m benchmarks.soak`: what becomes of 10,000 evaluations over HTTP while something breaks every 20 seconds.

A private Redis (append-only), workers, two API servers behind a proxy, and clients; all on this machine. Programs are
judged in quiet before, and every answer is compared with that. The last worker and the last API server are not harmed
themselves: how their memory grows is measured over all the time.

Covered: lost, duplicated and changed verdicts, answers `infrastructure`, latencies, how long each kind of fault keeps
answers back, memory of every long-lived process, and what is left over. Not covered: several machines, a GPU, and a
full disk. Killing the tracer inside of the sandbox is no fault of ours: a candidate can do that, and is judged for it.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from redis.exceptions import RedisError

from benchmarks.hosted.family import Process
from benchmarks.hosted.proxy import Proxy
from benchmarks.hosted.service import Service
from benchmarks.machine import machine
from benchmarks.soak.clients import Clients
from benchmarks.soak.faults import FAULTS, Arena, Injector
from benchmarks.soak.programs import chosen, expected, requests
from benchmarks.soak.tally import Tally, by_fault
from benchmarks.soak.watch import Watch, control_groups, files_below
from kernelgym.evaluators.remote.client import KernelGymClient
from kernelgym.serving.ledger.redis_ledger import RedisLedger

RESULTS: Final = Path(__file__).parents[1] / "results"
PATIENCE_S: Final = 300.0
"""Time that the last answers have after nobody asks any more."""
PROGRESS_S: Final = 10.0
ORPHAN_S: Final = 20.0
"""Time that a process may go on without its parent before it counts as left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to do, and for how long."""

    evaluations: int
    minutes: float
    most_minutes: float
    fault_every_s: float
    seed: int
    workers: int
    slots: int
    clients: int
    programs: int | None
    out: Path | None
    folder: Path | None


class Soak:
    """One soak.

    Args:
        options: How much of it.
        folder: For files of all processes.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._stopped = threading.Event()
        self._began_s = 0.0

    def stop(self) -> None:
        """Asks for the result of what has been done until now."""
        self._stopped.set()

    def run(self) -> dict[str, object]:
        """Returns the result; nothing of the service runs on."""
        options = self._options
        verdicts, unsteady = expected(options.programs)
        tally = Tally(verdicts)
        with ExitStack() as stack:
            service = Service(self._folder, workers=options.workers, slots=options.slots, apis=2, clocks=True)
            left: list[Process] = []
            stack.callback(lambda: left.extend(service.close()))
            service.wait_until_ready()
            watch = Watch(service)
            stack.callback(watch.stop)
            proxy = stack.enter_context(Proxy(service.ports))
            found = self._break_and_ask(service, proxy, tally)
            found |= {"redis": _redis(service, watch), "service": _service(service)}
            watch.stop()
            found |= {"settled_twice": watch.settled_twice(), "settled_jobs": len(watch.settled)}
            found |= {"memory": watch.slopes(), "orphans": watch.lasting_orphans(ORPHAN_S)}
        found["left_behind"] = {
            "processes": [process.command[:200] for process in left],
            "temporary_files": files_below(service.temporary),
            "control_groups": control_groups(watch.pids),
            "containers": _containers(),
        }
        return {
            "options": asdict(options) | {"out": None, "folder": None}, "programs": len(chosen(options.programs)),
            "unsteady_programs": unsteady,
        } | found  # fmt: skip

    def _break_and_ask(self, service: Service, proxy: Proxy, tally: Tally) -> dict[str, object]:
        options = self._options
        evaluators = [KernelGymClient(f"http://127.0.0.1:{proxy.port}") for _ in range(4)]
        clients = Clients(
            evaluators, options.clients, requests(options.seed, options.programs), tally, lambda: self._enough(tally)
        )
        injector = Injector(Arena(service, proxy, random.Random(options.seed)), options.fault_every_s)
        self._began_s = time.monotonic()
        clients.start()
        injector.start()
        due = 0.0
        while not self._enough(tally):
            time.sleep(0.2)
            if time.monotonic() > due:
                due = time.monotonic() + PROGRESS_S
                self._say(tally, injector)
        asked_s = time.monotonic() - self._began_s
        injector.stop()
        clients.join(15.0 if self._stopped.is_set() else PATIENCE_S)
        elapsed_s = time.monotonic() - self._began_s
        if self._stopped.is_set():
            tally.withdraw_all()
        answers = tally.result()
        self._say(tally, injector)
        for evaluator in evaluators:
            evaluator.close()
        recoveries = tally.recoveries(injector.injected, self._began_s)
        return {
            "interrupted": self._stopped.is_set(),
            "asked_for_s": round(asked_s, 1), "elapsed_s": round(elapsed_s, 1),
            "requests_per_s": round(tally.answered / elapsed_s, 2),
            "jobs_per_s": round(len(tally.jobs) / elapsed_s, 2),
            "verdicts": answers,
            "faults": len([fault for fault in injector.injected if fault.hit]),
            "faults_missed": [f"{fault.name}: {fault.detail}" for fault in injector.injected if not fault.hit],
            "injector_broke": injector.broken,
            "by_fault": by_fault(recoveries), "recoveries": recoveries,
        }  # fmt: skip

    def _enough(self, tally: Tally) -> bool:
        minutes = (time.monotonic() - self._began_s) / 60
        if self._stopped.is_set() or minutes >= self._options.most_minutes:
            return True
        return tally.asked >= self._options.evaluations and minutes >= self._options.minutes

    def _say(self, tally: Tally, injector: Injector) -> None:
        elapsed_s = time.monotonic() - self._began_s
        last = f"; last fault {injector.injected[-1].name}" if injector.injected else ""
        print(
            f"{elapsed_s:6.0f} s: {tally.answered} of {tally.asked} answered ({tally.answered / elapsed_s:.1f} per s), "
            f"{len(tally.failed)} failed, {len(tally.duplicated)} twice, {len(tally.changed)} changed, "
            f"{len(tally.infrastructure)} infrastructure{last}",
            file=sys.stderr,
            flush=True,
        )


def _redis(service: Service, watch: Watch) -> dict[str, object]:
    """Returns what the store holds at the end."""
    kinds: dict[str, int] = {}
    try:
        with service.redis.client() as redis:
            for key in redis.scan_iter(count=1000):
                kind = key.decode(errors="replace").partition(":")[0].partition("@")[0]
                kinds[kind] = kinds.get(kind, 0) + 1
            return {
                "used_memory_mib": round(redis.info("memory")["used_memory"] / 2**20, 1),
                "keys_by_kind": kinds,
                "keys_over_time": [keys for _, keys in watch.redis_keys[:: max(1, len(watch.redis_keys) // 30)]],
            }
    except RedisError as error:
        return {"error": str(error)}


def _service(service: Service) -> dict[str, object]:
    """Returns how often the parts were started, and the counters of the service."""
    ledger = RedisLedger(service.redis.url)
    overview = ledger.overview(recent=1)
    ledger.close()
    return {
        "starts": {part.name: part.starts for part in service.parts.values()},
        "ends_nobody_asked_for": {part.name: part.unasked for part in service.parts.values() if part.unasked},
        "counters": {name: count for name, count in overview.counters.items() if ":" not in name},
        "still_open": sum(sum(queue.waiting.values()) + queue.running for queue in overview.queues),
        "remembered": overview.remembered,
    }


def _containers() -> list[str]:
    """Returns containers of the machine's Docker, if there is one."""
    if not Path("/var/run/docker.sock").exists():
        return []
    listing = subprocess.run(
        ["docker", "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=False, timeout=30
    )
    return listing.stdout.split()


@contextmanager
def _stoppable(soak: Soak) -> Iterator[None]:
    """Lets SIGINT and SIGTERM end the soak with what it has."""

    def stop(number: int, frame: FrameType | None) -> None:
        print(f"{signal.Signals(number).name}: ending with what there is", file=sys.stderr, flush=True)
        soak.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """Gives the folder for everything, which is removed afterwards unless somebody wanted it."""
    if wanted is not None:
        wanted.mkdir(parents=True)
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kernelgym-soak-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--evaluations", type=int, default=10_000, help="at least so many requests")
    parser.add_argument("--minutes", type=float, default=30.0, help="for at least so long")
    parser.add_argument("--most-minutes", type=float, default=60.0, help="ends then, whatever has been asked")
    parser.add_argument("--fault-every", type=float, default=20.0, dest="fault_every_s", help="seconds between faults")
    parser.add_argument("--seed", type=int, default=0, help="of requests and faults")
    parser.add_argument("--workers", type=int, default=3, help="worker processes; the last one is not harmed")
    parser.add_argument("--slots", type=int, default=1, help="evaluations at a time in each worker")
    parser.add_argument("--clients", type=int, default=24, help="threads that wait for one answer each")
    parser.add_argument("--programs", type=int, help="only so many programs, for a short run")
    parser.add_argument("--folder", type=Path, help="keeps logs there; must not exist")
    parser.add_argument("--out", type=Path, help="file for the result; benchmarks/results/soak-<date>.json by default")
    return Options(**vars(parser.parse_args()))


def main() -> int:
    """Returns 0 if no verdict was lost, given twice or changed, and nothing was left behind."""
    options = _options()
    begun = datetime.now(UTC)
    with _folder(options.folder) as folder:
        soak = Soak(options, folder)
        with _stoppable(soak):
            found = soak.run()
    out = options.out or RESULTS / f"soak-{begun:%Y-%m-%d}.json"
    result = {
        "machine": machine(),
        "begun": begun.isoformat(timespec="seconds"),
        "faults_known": sorted(FAULTS),
    } | found
    out.write_text(json.dumps(result, indent=2, default=str) + "\n", encoding="utf-8")
    print(f"written to {out}", file=sys.stderr)
    verdicts, left = result["verdicts"], result["left_behind"]
    assert isinstance(verdicts, dict)
    assert isinstance(left, dict)
    bad = [name for name in ("lost", "duplicated", "changed") if verdicts[name]] + [name for name in left if left[name]]
    bad += ["settled_twice"] if result["settled_twice"] else []
    print("clean" if not bad else f"not clean: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.stdout.flush()
    status = main()
    sys.stderr.flush()
    os._exit(status)  # threads that still wait for an answer, after an interruption, keep nobody
