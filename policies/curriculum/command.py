"""What `kernelgym calibrate` does: from folders of runs to a table, a document or a selection, and a book."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from kernelgym.cli.exits import caution
from kernelgym.errors import BadUsage
from kernelgym.reports import dump_document
from kernelgym.reports.wording import plain
from kernelgym.runs.reading import read_run
from policies.curriculum.book import DifficultyBook
from policies.curriculum.calibration import Calibration, calibrate
from policies.curriculum.rendering import calibration_document, render_calibration
from policies.curriculum.success import Speaking, Success
from policies.curriculum.verdict import USUAL, Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options, as they are given."""

    runs: tuple[Path, ...]
    success: str
    turn: str
    group_size: int
    too_easy: float
    impossible: float
    confidence: float
    minimum: int
    out: Path | None
    selection: bool
    json: bool


def run(options: Options) -> None:
    """Calibrates, prints, and writes the book if that is asked for.

    Raises:
        KernelGymError: The options can't be followed, or a folder holds no run.
    """
    if options.selection and options.json:
        raise BadUsage("--selection and --json both want to be the only output; give one of them")
    if len({path.resolve() for path in options.runs}) < len(options.runs):
        raise BadUsage("a run is given twice; its episodes would count twice")
    thresholds = Thresholds(
        too_easy=options.too_easy,
        easy=min(options.too_easy, USUAL.easy),
        hard=max(options.impossible, USUAL.hard),
        impossible=options.impossible,
        confidence=options.confidence,
        minimum=options.minimum,
    )
    success = Success.parse(options.success)
    found = calibrate(
        map(read_run, options.runs), success=success, speaking=Speaking(options.turn), thresholds=thresholds
    )
    if options.out is not None:
        _write(options.out, found.book)
    for text in found.cautions:
        caution(text)
    _print(found, options)


def _write(path: Path, book: DifficultyBook) -> None:
    """Replaces a book by a newer one, but no other file."""
    if path.exists():
        DifficultyBook.load(path)
    book.save(path)


def _print(found: Calibration, options: Options) -> None:
    if options.json:
        print(dump_document(calibration_document(found, options.group_size)))
    elif options.selection:
        if not found.useful:
            raise BadUsage("no problem is left: all are too easy or impossible so far; add problems, or calibrate anew")
        print(plain(",".join(found.useful)))
    else:
        Console(highlight=False).print(render_calibration(found, options.group_size))
        if options.out is not None:
            print(plain(f"{options.out}: the book, for DifficultyBook.load"))
