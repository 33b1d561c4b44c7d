"""`kernelgym compare`: runs side by side, and what changes from the first to the others."""

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from kernelgym.cli.exits import ExitCode, caution
from kernelgym.cli.reporting import write_page
from kernelgym.errors import BadUsage
from kernelgym.metrics import Contestant, compare
from kernelgym.reports import dump_document
from kernelgym.reports.comparison import render_comparison
from kernelgym.reports.html import render_comparison_page
from kernelgym.runs.reading import iterate_episodes, read_run_record


def run(folders: Sequence[Path], *, json: bool, html: Path | None = None) -> ExitCode:
    """Prints a comparison; what makes the runs hard to compare is said on standard error.

    Args:
        folders: Of the runs; the first one is the baseline.
        json: Print one JSON object instead of tables.
        html: Where to write it as a page, too.

    Raises:
        BadUsage: A folder is named twice or has no episode, two runs have no problem in common, or the page can't be
            written.
        RunFolderUnusable: A folder holds no run that can be read.
    """
    contestants = load_contestants(folders)
    comparison = compare(contestants)
    for pairing in comparison.pairings:
        for warning in pairing.warnings:
            caution(f"{comparison.runs[0].name} and {pairing.name} differ in more than the policy: {warning}")
    if json:
        typer.echo(dump_document(comparison.model_dump(mode="json")))
    else:
        Console(highlight=False).print(render_comparison(comparison))
    if html is not None:
        write_page(html, render_comparison_page(contestants, comparison))
    return ExitCode.VERDICT


def load_contestants(folders: Sequence[Path]) -> list[Contestant]:
    """Returns the runs in these folders, named by their last part where that tells them apart.

    Raises:
        BadUsage: A folder is named twice, or holds no finished episode.
        RunFolderUnusable: A folder holds no run that can be read.
    """
    resolved = [folder.resolve() for folder in folders]
    for index, folder in enumerate(folders):
        if resolved[index] in resolved[:index]:
            raise BadUsage(f"{folder} is named twice; a run can't be compared with itself")
    short = len({folder.name for folder in resolved}) == len(resolved)
    contestants = []
    for folder, path in zip(folders, resolved, strict=True):
        record = read_run_record(folder)
        episodes = tuple(episode.numbers() for episode in iterate_episodes(folder))
        if not episodes:
            raise BadUsage(f"{folder} holds no finished episode; run the command that made it again")
        contestants.append(Contestant(name=path.name if short else str(folder), record=record, episodes=episodes))
    return contestants
