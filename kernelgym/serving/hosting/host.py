"""`kernelgym worker`: a light parent that never loads torch, Celery's pool of processes below it, and their end.

SIGTERM: nothing new is taken, what runs is finished; after a while, or at a second SIGTERM, it is given back instead.
SIGKILL: the kernel ends the processes below, and the ledger's janitor gives their jobs to others.
"""

import os
import secrets
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.util import Finalize
from typing import Any, Final

from kernelgym.errors import BadUsage, first_line
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.serving import identity
from kernelgym.serving.celery_app import make_app, queue_named
from kernelgym.serving.extras import need_serve
from kernelgym.serving.hosting.child import Child
from kernelgym.serving.hosting.consumer import PromptConsumer
from kernelgym.serving.hosting.gpu_lock import GpuLock
from kernelgym.serving.hosting.ground import Ground
from kernelgym.serving.hosting.host_options import HostOptions
from kernelgym.serving.hosting.supervisor import Supervisor
from kernelgym.serving.identity import GPU_VARIABLE, SIMULATED, fingerprint, judge_versions
from kernelgym.serving.ledger.redis_store import check_url, shown
from kernelgym.serving.working.command import Command, Commands
from kernelgym.serving.working.observer import Observer, Silent
from kernelgym.serving.working.pulse import worker_id
from sandboxes.contracts import EvalConfig
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.factory import create_sandbox, describe_sandbox

need_serve("celery", "redis")

from celery import Celery, signals  # noqa: E402 - after the error that names the extra
from celery.apps.worker import Worker  # noqa: E402
from celery.exceptions import SecurityWarning  # noqa: E402
from celery.worker import state  # noqa: E402
from redis import Redis  # noqa: E402
from redis.exceptions import AuthenticationError, RedisError  # noqa: E402

ASK_EVERY_S: Final = 1.0

FAILED: Final = 1
"""Exit status of a worker that Celery has given up."""

AFTER_THE_POOLS: Final = -200
"""Priority at exit: multiprocessing removes its own folder, which is below ours, at -100."""


def host(options: HostOptions, *, observer: Observer | None = None, say: Callable[[str], None] | None = None) -> int:
    """Works until it is told to end; returns the exit status.

    Args:
        options: What to do.
        observer: Told, in each process, what happens.
        say: Prints a line for people; None: on standard error.

    Raises:
        BadUsage: The address is none, or refuses us for good; there is no such GPU, it is another one than the target,
            or it has a worker.
        WorkerLost: The GPU can't be made ready.
        SandboxUnavailable: The sandbox is missing, or does not start.
    """
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    lock = None
    if options.gpu is not None:
        options, lock = _take_gpu(options)
    sandbox = _try_sandbox(options)
    _await_redis(options.redis_url, say)
    say(_start_up_line(options, sandbox))
    commands, ground = Commands(), Ground()
    ground.settle()  # Celery's pool makes a folder, too, and whoever is killed removes none
    Finalize(None, ground.remove, exitpriority=AFTER_THE_POOLS)
    family = secrets.token_hex(4)
    child = Child(options, commands, ground, observer or Silent(), family)
    supervisor = Supervisor(options.redis_url, commands, ground, family, options.drain_s)
    supervisor.start()
    try:
        worker = _celery_worker(options, child, commands)
        worker.start()
    finally:
        supervisor.close()
        if lock is not None:
            lock.close()
    return int(worker.exitcode or 0)


def host_on(options: HostOptions, *, observer: Observer | None = None, say: Callable[[str], None] | None = None) -> int:
    """Works as `host`, for a process that does nothing else: what Celery has no way out of makes it start again.

    Celery gives up where its connection to Redis breaks at an unlucky moment (kombu raises `AttributeError` while the
    channel gives its messages back). No job is lost by that, but a worker that ended would be missed until somebody
    looks.
    """
    status = host(options, observer=observer, say=say)
    if status == FAILED:
        (say or (lambda line: print(line, file=sys.stderr, flush=True)))("Celery gave up; starting again")
        time.sleep(ASK_EVERY_S)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return status


def _take_gpu(options: HostOptions) -> tuple[HostOptions, GpuLock]:
    """Makes sure of the GPU for all processes below; nothing here loads CUDA, so one of them looks at it first.

    Raises:
        BadUsage: There is no such GPU, it is another one than the target, or it has a worker.
        WorkerLost: It can't be made ready.
    """
    if options.is_simulated:
        os.environ[GPU_VARIABLE] = SIMULATED
        identity.judge_versions.cache_clear()
        identity.fingerprint.cache_clear()
    elif options.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = options.gpu
    config = EvalConfig(device="cuda", target=str(options.target))
    with StagedEvaluator(gpu=options.opened, worker_module=options.worker_module) as trial:
        ready = trial.prepare(config)
    return replace(options, ready=ready), GpuLock(ready.uuid)


def _celery_worker(options: HostOptions, child: Child, commands: Commands) -> Worker:
    app = make_app(options.redis_url, child.work)
    app.conf.task_queues = [queue_named(name) for name in options.queues]
    warnings.filterwarnings("ignore", category=SecurityWarning)  # root is warned of pickle, and there is none
    signals.setup_logging.connect(_leave_logging_alone, weak=False)
    signals.worker_process_init.connect(lambda **_: child.open(), weak=False)
    signals.worker_process_shutdown.connect(lambda **_: child.close(), weak=False)
    return _HostedWorker(
        app, commands, hostname=worker_id(options.name), pool="prefork", concurrency=options.processes,
        optimization="fair", queues=",".join(options.queues), loglevel="WARNING", quiet=True,
        without_gossip=True, without_mingle=True, without_heartbeat=True, consumer_cls=PromptConsumer,
    )  # fmt: skip


class _HostedWorker(Worker):  # type: ignore[misc] # celery has no types
    """Celery's worker with our signals."""

    def __init__(self, app: Celery, commands: Commands, **options: Any) -> None:
        self._commands = commands
        super().__init__(app=app, **options)

    def install_platform_tweaks(self, worker: object) -> None:
        """Installs what SIGTERM and SIGINT do: the first drains, the second abandons."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: object) -> None:
        self._commands.give(Command.DRAIN if self._commands.current is Command.GO_ON else Command.ABANDON)
        state.should_stop = os.EX_OK


def _leave_logging_alone(**_: object) -> None:
    """Keeps Celery from configuring logging."""


def _try_sandbox(options: HostOptions) -> str:
    """Returns what candidates will run in, with its gaps; starts one to find out.

    Raises:
        SandboxUnavailable: It does not start.
    """
    if not options.traces:
        return ""
    try:
        with create_sandbox(options.sandbox, Entry(target="sandboxes.isolation.conformance:run_python")) as trial:
            trial.warm_up()
            gaps = f"leaves gaps: {'; '.join(trial.gaps)}" if trial.gaps else "no gaps known"
            return f"{describe_sandbox(trial)}, {gaps}"
    except ValueError as error:
        raise BadUsage(f"--sandbox: {error}") from error


def _await_redis(url: str, say: Callable[[str], None]) -> None:
    """Returns when Redis answers, however long that takes.

    Raises:
        BadUsage: It never will: the address or the password is wrong.
    """
    try:
        check_url(url)
        client: Any = Redis.from_url(url, socket_timeout=3.0, socket_connect_timeout=3.0)
    except ValueError as error:
        raise BadUsage(f"--redis is {shown(url)!r}: {error}; write redis://[:PASSWORD@]HOST:PORT/0") from error
    waiting = False
    while True:
        try:
            client.ping()
        except AuthenticationError as error:
            raise BadUsage(f"--redis is {shown(url)!r}: {error}; write redis://:PASSWORD@HOST:PORT/0") from error
        except (RedisError, OSError) as error:
            if not waiting:
                say(f"waiting for Redis at {shown(url)}: {first_line(error)}")
            waiting = True
            time.sleep(ASK_EVERY_S)
        else:
            client.close()
            return


def _start_up_line(options: HostOptions, sandbox: str) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in judge_versions().items())
    processes = "1 process" if options.processes == 1 else f"{options.processes} processes"
    parts = [
        f"serving {', '.join(options.queues)} on {options.device}",
        f"{processes} with {options.threads} thread{'s' * (options.threads > 1)} each",
        f"sandbox {sandbox}" if sandbox else "",
        f"judge {fingerprint()} ({versions})",
        f"Redis at {shown(options.redis_url)}",
    ]
    return "; ".join(filter(None, parts))
