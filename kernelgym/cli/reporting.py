"""`kernelgym report`: a run as one page to look at, to keep and to send around."""

from dataclasses import dataclass
from pathlib import Path

import typer

from kernelgym.cli.exits import ExitCode
from kernelgym.errors import BadUsage
from kernelgym.metrics import summarize
from kernelgym.reports.html import render_page
from kernelgym.reports.wording import plain, quantity
from kernelgym.runs.reading import read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options."""

    run: Path
    """The folder of a run."""
    out: Path | None
    """None: `report.html` in that folder."""
    title: str | None


def run(options: Options) -> ExitCode:
    """Writes the page and says where; returns the exit code.

    Raises:
        RunFolderUnusable: There is no run of this version in the folder.
        BadUsage: The file can't be written.
    """
    played = read_run(options.run)
    summary = summarize(played.episodes, played.record.total_turns)
    page = render_page(played.record, played.episodes, summary, options.title)
    path = options.out or options.run / "report.html"
    write_page(path, page)
    return ExitCode.VERDICT


def write_page(path: Path, page: str) -> None:
    """Writes a page and says where it is.

    Raises:
        BadUsage: It can't be written.
    """
    data = page.encode("utf-8")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadUsage(f"the page {path} can't be written ({error.strerror}); give another path") from error
    size = quantity(len(data), "B")
    typer.echo(f"{plain(str(path))}: {size}, one file that needs no network; open it in a browser", err=True)
