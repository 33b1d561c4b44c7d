"""One reference file as a set of one problem."""

from pathlib import Path

from kernelgym.problems.loaded import Intake, Loaded
from kernelgym.problems.reference_file import problem_from_file


def load_single_file(address: str) -> Loaded:
    """Returns the problem `file/<stem>` of the reference file at the path `address`."""
    path = Path(address).expanduser()
    intake = Intake()
    intake.take(str(path), lambda: problem_from_file(path))
    return intake.loaded
