"""`kernelgym status`: a service on a terminal, once or until somebody has seen enough."""

import json
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from kernelgym.cli.status_board import Frame, Rates, board
from kernelgym.cli.status_source import Source, open_source
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Overview
from kernelgym.serving.telemetry.durations import histograms, without_durations

DEFAULT_URL: Final = "http://localhost:8000"
"""Where `kernelgym serve` listens unless it is told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command was told."""

    url: str
    token: str | None
    once: bool
    every_s: float
    json: bool


def run(options: Options, console: Console | None = None) -> None:
    """Shows a service.

    Raises:
        BadUsage: The address can't be used, or what is there does not let us look.
        LedgerUnavailable: Nothing could be seen at the first look; later ones wait for it to come back.
    """
    console = console or Console()
    source = open_source(options.url, options.token)
    with closing(source):
        overview = source.look()
        if options.json:
            console.file.write(json.dumps(as_json(overview), indent=1) + "\n")
        elif options.once or not console.is_terminal:
            console.print(board(_frame(source, overview, console, None, height=None)))
        else:
            _watch(source, overview, console, options.every_s)


def as_json(overview: Overview) -> dict[str, Any]:
    """Returns an overview for programs: as the server gives it, with percentiles instead of buckets."""
    latency: dict[str, dict[str, float | None]] = {
        name: {
            "count": found.count, "mean_s": found.sum_s / found.count,
            **{f"p{share * 100:g}_s": found.quantile_s(share) for share in (0.5, 0.9, 0.99)},
        }
        for name, found in histograms(overview.counters).items()
        if found.count
    }  # fmt: skip
    shown = overview.model_copy(update={"counters": without_durations(overview.counters)})
    return shown.model_dump(mode="json") | {"latency": latency}


def _watch(source: Source, overview: Overview, console: Console, every_s: float) -> None:
    rates, trouble = Rates(), ""
    per_minute = rates.look(time.monotonic(), overview.counters)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                frame = _frame(source, overview, console, per_minute, height=console.height, trouble=trouble)
                live.update(board(frame), refresh=True)
                time.sleep(every_s)
                try:
                    overview, trouble = source.look(), ""
                    per_minute = rates.look(time.monotonic(), overview.counters)
                except LedgerUnavailable as error:
                    trouble = str(error)
        except KeyboardInterrupt:
            return


def _frame(
    source: Source,
    overview: Overview,
    console: Console,
    per_minute: float | None,
    *,
    height: int | None,
    trouble: str = "",
) -> Frame:
    return Frame(
        source=source.name, overview=overview, per_minute=per_minute, width=console.width, height=height,
        trouble=trouble,
    )  # fmt: skip
