"""`kernelgym worker`: what it is told, put together; the work is in `kernelgym.serving.hosting.host`."""

from dataclasses import dataclass
from pathlib import Path

from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.serving.hosting.host_options import HostOptions, parse_queues
from kernelgym.serving.telemetry.logs import configure_logging, log_event
from kernelgym.serving.telemetry.observing import LogObserver


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options as typed."""

    queues: str | None
    gpu: str | None
    target: str | None
    processes: int
    threads: int
    redis: str | None
    sandbox: str | None
    name: str | None
    drain_s: float
    truths: Path | None
    log: str


def run(options: Options, services: Services) -> int:
    """Works until it is told to end; returns the exit status.

    Raises:
        BadUsage: The options can't be followed, or a package is missing.
        SandboxUnavailable: The sandbox is missing, or does not start.
    """
    url = options.redis or services.settings.redis_url
    if url is None:
        raise BadUsage("no Redis is named; give --redis redis://HOST:PORT/0, or set KERNELGYM_REDIS_URL")
    if options.gpu is not None and options.queues is not None:
        raise BadUsage(f"--queues is {options.queues!r} with --gpu: a GPU's worker only measures; leave it out")
    hosted = HostOptions(
        redis_url=url,
        stations=parse_queues(options.queues or "trace,replay"),
        gpu=options.gpu,
        target=options.target,
        processes=options.processes,
        threads=options.threads,
        sandbox=options.sandbox or services.settings.sandbox,
        name=options.name,
        drain_s=options.drain_s,
        truths=options.truths,
    )
    try:
        from kernelgym.serving.hosting.host import host_on  # noqa: PLC0415 - its packages are an extra
    except ImportError as error:
        raise BadUsage(str(error)) from error
    configure_logging(options.log, role="worker")
    return host_on(hosted, observer=LogObserver(), say=lambda line: log_event("worker", message=line))
