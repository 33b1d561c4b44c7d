"""JSON lines: a file with one problem on each line, as an object."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.problems.loaded import Intake, Loaded
from kernelgym.problems.problem import Problem
from kernelgym.problems.reference_file import as_part_of_id
from kernelgym.problems.sources.row import MAX_ROWS, problem_from_row
from kernelgym.problems.sources.span import Span, splits

MAX_LINE_BYTES: Final = 8 * 2**20
"""Longest line that is read; a reference of the largest size fits, whatever its escapes."""


def load_json_lines(address: str) -> Loaded:
    """Returns the problems `jsonl/<stem>/<id or line>` of a file; lines are counted from 1, empty ones are skipped.

    Args:
        address: `PATH` or `PATH/LINES`, a number or a range.

    Raises:
        BadUsage: if the file can't be read, is too long, or has no such line.
    """
    path, lines = _located(address)
    prefix = f"jsonl/{as_part_of_id(path.stem)}"
    intake = Intake()
    read = last = 0
    try:
        with path.open("rb") as file:
            for number, line in _lines(file):
                last = number
                if lines.last is not None and number > lines.last:
                    break
                if number not in lines or (line is not None and not line.strip()):
                    continue
                read += 1
                if read > MAX_ROWS:
                    raise BadUsage(f"{path} has more than {MAX_ROWS} lines; give a range, e.g. {path}/1-{MAX_ROWS}")
                intake.take(f"{prefix}/{number}", partial(_problem, line, prefix, number))
    except OSError as error:
        raise BadUsage(f"{path} can't be read ({error.strerror}); give the path of a file") from error
    if not read:
        having = f"it has {last} lines" if last else "it is empty"
        raise BadUsage(f"{path} has no problem in line {lines}; {having}")
    return intake.loaded


def _located(address: str) -> tuple[Path, Span]:
    for text, spans in splits(address, 1):
        path = Path(text).expanduser()
        if path.is_file():
            return path, (*spans, Span())[0]
    raise BadUsage(f"{address!r} is no file; give jsonl:PATH or jsonl:PATH/1-20")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yields each line with its number; None for one that is too long, which is never held in memory as a whole."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) <= MAX_LINE_BYTES:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        yield number, None


def _problem(line: bytes | None, prefix: str, number: int) -> Problem:
    name = f"{prefix}/{number}"
    if line is None:
        limit = MAX_LINE_BYTES // 2**20
        raise InvalidReference(name, f"is longer than {limit} MiB", "build large tensors in `get_inputs`")
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidReference(name, f"is not UTF-8 (byte {error.start})", "save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InvalidReference(name, f"is not JSON: {error}", "write one object on each line") from error
    return problem_from_row(row, prefix, number)
