"""Serves evaluations over HTTP until it is told to end: `kernelgym serve`."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer

from kernelgym.cli.exits import ExitCode, caution
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.problems import load_problems
from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.catalogue import Catalogue
from kernelgym.serving.http.server import HttpServer
from kernelgym.serving.http.tokens import TokenFile
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.telemetry.logs import LogStyle, configure_logging, log_event
from kernelgym.serving.telemetry.observing import LogObserver
from kernelgym.settings import SandboxName, Settings

WATCH_S = 1.0
"""How often it is looked whether the server still lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command was told; None: as the settings say."""

    host: str
    port: int
    redis_url: str | None
    workers: int | None
    sandbox: SandboxName | None
    gpu: str | None
    answers: Path | None
    tokens: Path | None
    problems: str | None
    max_open: int
    hosts: tuple[str, ...]
    log: str


def run(options: Options, services: Services) -> ExitCode:
    """Serves until SIGINT or SIGTERM, then lets those go who wait, and closes everything.

    Raises:
        BadUsage: The options can't be followed.
        KernelGymError: The problems can't be loaded.
    """
    if options.log not in set(LogStyle):
        raise BadUsage(f"--log is {options.log!r}; it can be text or json")
    configure_logging(options.log, role="api")
    tokens = None if options.tokens is None else TokenFile(options.tokens)
    catalogue = _catalogue(options)
    with _told_to_end() as end, _engine(options, services.settings) as (engine, what):
        server = HttpServer(
            engine, host=options.host, port=options.port, tokens=tokens, hosts=frozenset(options.hosts),
            catalogue=catalogue, redis_url=options.redis_url or services.settings.redis_url,
        )  # fmt: skip
        with server:
            _say(options.log, "serving", f"serving {what} at {server.url} ({_protection(tokens, options)})")
            while not end.wait(WATCH_S):
                if not server.alive:
                    _say(options.log, "ended", "error: the server has ended by itself; its log says why", err=True)
                    return ExitCode.INFRASTRUCTURE
            _say(options.log, "ending", "ending: no new requests; what is under way may finish", err=True)
    return ExitCode.VERDICT


def _say(style: str, event: str, words: str, *, err: bool = False) -> None:
    """Prints a line for people, or, where all is for programs, logs it."""
    if style == LogStyle.JSON:
        log_event(event, message=words)
    else:
        typer.echo(words, err=err)


def _catalogue(options: Options) -> Catalogue:
    if options.problems is None:
        return Catalogue()
    loaded = load_problems(options.problems)
    for rejected in loaded.rejected:
        if options.log == LogStyle.JSON:
            log_event("problem_rejected", logging.WARNING, message=str(rejected))
        else:
            caution(rejected)
    return Catalogue(loaded.problems)


@contextmanager
def _engine(options: Options, settings: Settings) -> Iterator[tuple[Engine, str]]:
    """Opens what does the work, and says in a few words what it is."""
    bounds = Bounds(max_open=options.max_open)
    redis_url = options.redis_url or settings.redis_url
    engine: Engine
    if redis_url:
        for name in ("workers", "sandbox", "gpu", "answers"):
            if getattr(options, name) is not None:
                raise BadUsage(f"--{name} is for a server without Redis; with it, `kernelgym worker` does the work")
        from kernelgym.serving.engines.hosted import HostedEngine  # noqa: PLC0415 - loads Celery

        try:
            engine = HostedEngine(redis_url, bounds=bounds)
        except ValueError as error:
            raise BadUsage(f"--redis can't be followed: {error}") from error
        what = "by workers on Redis"
    else:
        from kernelgym.serving.engines.embedded import EmbeddedEngine  # noqa: PLC0415 - loads what evaluates

        workers = options.workers or settings.workers
        sandbox = options.sandbox or settings.sandbox
        engine = EmbeddedEngine(
            workers, sandbox=sandbox, gpu=options.gpu, answers=options.answers, bounds=bounds, observer=LogObserver()
        )
        what = f"with {workers} worker{'s' if workers > 1 else ''} of its own"
    try:
        yield engine, what
    finally:
        engine.close()


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """Yields what is set by SIGINT or SIGTERM; a second one ends at once."""
    end = threading.Event()

    def note(number: int, _frame: FrameType | None) -> None:
        if end.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        end.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _protection(tokens: TokenFile | None, options: Options) -> str:
    if tokens is None:
        return (
            "no tokens: whoever can reach this address from this machine may do everything, and references run as code "
            "of yours; where others have accounts, use --tokens"
        )
    return f"tokens of {options.tokens}"
