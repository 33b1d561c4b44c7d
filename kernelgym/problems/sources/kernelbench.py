"""KernelBench: folders `level1` to `level4` of files `<number>_<name>.py`.

Ouyang et al., "KernelBench: Can LLMs Write Efficient GPU Kernels?", 2025. Its files are read as text, never executed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage
from kernelgym.problems.loaded import Intake, Loaded
from kernelgym.problems.problem import Difficulty, Problem
from kernelgym.problems.reference_file import make_problem, read_reference
from kernelgym.problems.sources.span import Span, splits

LEVELS: Final = (1, 2, 3, 4)
MAX_FILES: Final = 10_000
"""Most files that are read of one level."""

DIFFICULTY_OF_LEVEL: Final[dict[int, Difficulty]] = {1: "easy", 2: "medium", 3: "hard", 4: "hard"}
"""Level 1 is single operators, 2 is fused ones, 3 is architectures, 4 is whole models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    level: int
    number: int
    path: Path

    @property
    def id(self) -> str:
        return f"kernelbench/{self.level}/{self.number}"

    @property
    def name(self) -> str:
        return f"level{self.level}/{self.path.name}"


def load_kernelbench(address: str) -> Loaded:
    """Returns the problems `kernelbench/<level>/<number>` of a checkout, by level and number.

    Args:
        address: `PATH`, `PATH/LEVELS` or `PATH/LEVELS/NUMBERS`; `PATH` is a checkout or its folder `KernelBench`, the
            others are numbers or ranges.

    Raises:
        BadUsage: if there is no checkout there, or it has no such problem.
    """
    folder, levels, numbers = _located(address)
    present = [level for level in LEVELS if level in levels and (folder / f"level{level}").is_dir()]
    if not present:
        having = ", ".join(str(level) for level in LEVELS if (folder / f"level{level}").is_dir())
        raise BadUsage(f"{folder} has no level {levels}; it has the levels {having}")
    intake = Intake()
    wanted = 0
    for level in present:
        files = _files(folder / f"level{level}", level, intake if numbers == Span() else Intake())
        for file in (file for file in files if file.number in numbers):
            wanted += 1
            intake.take(file.name, partial(_problem, file))
    if not wanted and not intake.loaded.rejected:
        last = max((file.number for file in files), default=0)
        raise BadUsage(f"level {levels} of {folder} has no problem {numbers}; its numbers go up to {last}")
    return intake.loaded


def title_of(name: str) -> str:
    """Returns the title in a name of KernelBench: `23_Softmax.py` and `23_Softmax` are `Softmax`."""
    return re.sub(r"^\d+_", "", name.removesuffix(".py")).replace("_", " ").strip() or name


def _located(address: str) -> tuple[Path, Span, Span]:
    """Returns the folder of levels, and which levels and numbers are wanted.

    Raises:
        BadUsage: if no part of the address is a checkout.
    """
    for text, spans in splits(address, 2):
        path = Path(text).expanduser()
        for folder in (path / "KernelBench", path):
            if any((folder / f"level{level}").is_dir() for level in LEVELS):
                levels, numbers = (*spans, Span(), Span())[:2]
                return folder, levels, numbers
    raise BadUsage(
        f"{address or 'the empty path'!r} is no KernelBench checkout (there is no KernelBench/level1 in it); "
        f"`git clone https://github.com/ScalingIntelligence/KernelBench` makes one"
    )


def _files(folder: Path, level: int, intake: Intake) -> list[_File]:
    """Returns the files of a level by number; Python files that have none are rejected.

    Raises:
        BadUsage: if the folder can't be read or holds too many.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name != "__init__.py")
    except OSError as error:
        raise BadUsage(f"{folder} can't be read ({error.strerror}); make it readable") from error
    if len(paths) > MAX_FILES:
        raise BadUsage(f"{folder} holds {len(paths)} files; at most {MAX_FILES} are read, so split it up")
    return sorted(_numbered(paths, level, intake), key=lambda file: (file.number, file.path.name))


def _numbered(paths: list[Path], level: int, intake: Intake) -> Iterator[_File]:
    for path in paths:
        match = re.match(r"0*([1-9]\d{0,8})_", path.name, re.ASCII)
        if match is None:
            intake.reject(f"level{level}/{path.name}", "has no number", "call it <number>_<name>.py")
        else:
            yield _File(level=level, number=int(match[1]), path=path)


def _problem(file: _File) -> Problem:
    return make_problem(
        file.id,
        read_reference(file.path),
        name=file.name,
        title=title_of(file.path.name),
        level=file.level,
        difficulty=DIFFICULTY_OF_LEVEL[file.level],
        tags=("kernelbench", f"level{file.level}"),
    )
