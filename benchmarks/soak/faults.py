"""What breaks: each fault is done to real processes, sockets and stores, and undone where it would be in real life."""

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from redis import Redis
from redis.exceptions import ResponseError

from benchmarks.hosted.family import Process, descendants, everybody, send
from benchmarks.hosted.proxy import Proxy
from benchmarks.hosted.service import Part, Service

QUEUES: Final = ("trace@", "replay@", "measure.")
"""How the names of the queues' lists begin."""

HALT_S: Final = 4.0
CUT_S: Final = 3.0
SQUEEZE_S: Final = 4.0
DOWN_S: Final = 1.0
LEAP_S: Final = 3600
"""Seconds by which a clock jumps, there and back."""
LEAPT_S: Final = 5.0

INNER: Final = "kernelgym.evaluators.worker"
"""In the command line of the process that a worker evaluates in."""


class NothingToHit(Exception):
    """The fault found no victim; it is tried again with the next round."""


@dataclass
class Arena:
    """What faults happen to. The last worker and the last API server are spared, so that their memory tells a story."""

    service: Service
    proxy: Proxy
    chance: random.Random
    kept_messages: dict[bytes, list[bytes]] = field(default_factory=dict)

    def worker(self) -> Part:
        """Returns one of the workers that may be harmed."""
        workers = self.service.workers()
        return self.chance.choice(workers[:-1] or workers)

    def api(self) -> Part:
        """Returns one of the API servers that may be harmed."""
        apis = self.service.apis()
        return self.chance.choice(apis[:-1] or apis)

    def inner(self) -> Process:
        """Returns a process that evaluates, of a worker that may be harmed."""
        found = [process for process in descendants(self.worker().pid) if f"-m {INNER} " in f"{process.command} "]
        if not found:
            raise NothingToHit("no evaluator runs")
        return self.chance.choice(found)

    def child(self) -> Process:
        """Returns a child that a worker has to itself, and that takes its jobs."""
        worker, processes = self.worker(), everybody()
        busy = {process.parent for process in descendants(worker.pid, processes) if f"-m {INNER} " in process.command}
        found = [processes[pid] for pid in busy - {worker.pid} if pid in processes]
        if not found:
            raise NothingToHit("no child of a worker evaluates")
        return self.chance.choice(found)


def kill_child(arena: Arena) -> str:
    child = arena.child()
    send(child, signal.SIGKILL)
    return f"pid {child.pid}"


def kill_worker(arena: Arena) -> str:
    worker = arena.worker()
    worker.kill()
    return worker.name


def kill_evaluator(arena: Arena) -> str:
    inner = arena.inner()
    send(inner, signal.SIGKILL)
    return f"pid {inner.pid}"


def halt_evaluator(arena: Arena) -> str:
    inner = arena.inner()
    send(inner, signal.SIGSTOP)
    try:
        time.sleep(HALT_S)
    finally:
        send(inner, signal.SIGCONT)
    return f"pid {inner.pid} for {HALT_S:g} s"


def halt_child(arena: Arena) -> str:
    """Stands still for longer than a lease: somebody else gets its job, and then there are two answers."""
    child = arena.child()
    send(child, signal.SIGSTOP)
    try:
        time.sleep(3 * HALT_S)
    finally:
        send(child, signal.SIGCONT)
    return f"pid {child.pid} for {3 * HALT_S:g} s"


def kill_api(arena: Arena) -> str:
    api = arena.api()
    api.kill()
    return api.name


def restart_redis(arena: Arena) -> str:
    arena.service.redis.stop()
    time.sleep(DOWN_S)
    arena.service.redis.start()
    return f"{DOWN_S:g} s down"


def kill_redis(arena: Arena) -> str:
    arena.service.redis.stop(signal.SIGKILL)
    time.sleep(DOWN_S)
    arena.service.redis.start()
    return f"{DOWN_S:g} s down"


def cut_wire(arena: Arena) -> str:
    ended = arena.proxy.cut()
    try:
        time.sleep(CUT_S)
    finally:
        arena.proxy.mend()
    return f"{ended} connections, {CUT_S:g} s"


def lose_messages(arena: Arena) -> str:
    with arena.service.redis.client() as redis:
        _keep(arena, redis)
        keys = _queues(redis)
        lost = sum(redis.llen(key) for key in keys)
        if keys:
            redis.delete(*keys)
    return f"{lost} messages"


def double_messages(arena: Arena) -> str:
    """Delivers what waits twice, and what was delivered long ago again."""
    with arena.service.redis.client() as redis:
        old = {key: list(messages) for key, messages in arena.kept_messages.items()}
        _keep(arena, redis)
        added = 0
        for key in {*old, *arena.kept_messages}:
            messages = [*old.get(key, []), *arena.kept_messages.get(key, [])]
            if messages:
                redis.lpush(key, *messages)
                added += len(messages)
        if not added:
            raise NothingToHit("no message was ever seen waiting")
    return f"{added} messages"


def fill_redis(arena: Arena) -> str:
    """Lets the store take no more for a while."""
    with arena.service.redis.client() as redis:
        redis.config_set("maxmemory", 1024 * 1024)
        try:
            time.sleep(SQUEEZE_S)
        finally:
            redis.config_set("maxmemory", 0)
    return f"{SQUEEZE_S:g} s"


def leap_of_the_clock(arena: Arena) -> str:
    """Lets the wall clock of Redis or of a worker jump by an hour, and back."""
    if not arena.service.clocks:
        raise NothingToHit("no clock can be set (there is no C compiler)")
    name = arena.chance.choice(sorted(arena.service.clocks))
    leap = arena.chance.choice((LEAP_S, -LEAP_S))
    arena.service.clocks[name].set(leap)
    try:
        time.sleep(LEAPT_S)
    finally:
        arena.service.clocks[name].set(0)
    return f"{name} {leap:+d} s"


def replace_worker(arena: Arena) -> str:
    """Drains a worker, as an update does, and starts another one."""
    worker = arena.worker()
    begin = time.monotonic()
    code = worker.drain()
    return f"{worker.name} ended after {time.monotonic() - begin:.1f} s with {code}"


FAULTS: Final[dict[str, Callable[[Arena], str]]] = {
    fault.__name__: fault
    for fault in (
        kill_child, kill_worker, kill_evaluator, halt_evaluator, halt_child, kill_api, restart_redis, kill_redis,
        cut_wire, lose_messages, double_messages, fill_redis, leap_of_the_clock, replace_worker,
    )
}  # fmt: skip
"""All of them, by name."""


@dataclass(slots=True, kw_only=True)
class Injected:
    """One fault that happened."""

    name: str
    detail: str
    began_s: float
    """Monotonic."""
    ended_s: float
    """When it was undone: equal to `began_s` for a kill."""
    hit: bool = True


class Injector:
    """Has one fault happen after the other, all of them once in each round, in an order drawn from a seed.

    Args:
        arena: What they happen to.
        every_s: From the beginning of one to the beginning of the next.
        names: Which; all by default.
    """

    def __init__(self, arena: Arena, every_s: float, names: tuple[str, ...] = tuple(FAULTS)) -> None:
        self.injected: list[Injected] = []
        self.broken: str | None = None
        """Why injecting ended early, which is a fault of the benchmark."""
        self._arena = arena
        self._every_s = every_s
        self._names = names
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="injector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the fault under way has been undone."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + self._every_s
        round_: list[str] = []
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += self._every_s
            if not round_:
                round_ = self._arena.chance.sample(self._names, len(self._names))
            name = round_.pop()
            begin = time.monotonic()
            try:
                detail, hit = FAULTS[name](self._arena), True
            except NothingToHit as error:
                detail, hit = str(error), False
            except Exception as error:  # noqa: BLE001 # a thread: what it can't do is said in the result
                self.broken = f"{name}: {type(error).__name__}: {error}"
                detail, hit = self.broken, False
            self.injected.append(Injected(name=name, detail=detail, began_s=begin, ended_s=time.monotonic(), hit=hit))


def _queues(redis: "Redis") -> list[bytes]:
    """Returns the keys of the lists in which messages wait."""
    found = []
    for key in redis.scan_iter(count=1000, _type="list"):
        if key.startswith(tuple(prefix.encode() for prefix in QUEUES)):
            found.append(key)
    return found


def _keep(arena: Arena, redis: "Redis") -> None:
    """Remembers some of the messages that wait."""
    for key in _queues(redis):
        try:
            messages = redis.lrange(key, 0, 19)
        except ResponseError:
            continue
        if messages:
            arena.kept_messages[key] = [message for message in messages if isinstance(message, bytes)]
