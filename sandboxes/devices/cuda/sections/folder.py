"""What a section's run is told and says, as files: it is started by a profiler, which leaves it no other way."""

from pathlib import Path
from typing import Final, Self

from pydantic import ValidationError

from sandboxes.bundle import MAX_BUNDLE_BYTES
from sandboxes.contracts import Contract, EvalConfig, Reference, Submission
from sandboxes.devices.cuda.sections.section import Tool
from sandboxes.errors import BrokenBundle

MAX_FILE_BYTES: Final = 64 * 2**20
"""Longest file that is read."""


class Assignment(Contract):
    """What to run."""

    submission: Submission
    reference: Reference
    config: EvalConfig
    gpu: str
    """As for `open_gpu`."""
    tool: Tool
    """Who looks."""


class Step(Contract):
    """One node of the trace that may have launched kernels."""

    node: int
    kernel: str | None
    """Symbol of the one kernel that it launched; None for an operator, which may launch any number of any name."""


class Told(Contract):
    """What the run says when it has ended."""

    steps: tuple[Step, ...] = ()
    """What was launched while the tool looked, in order."""
    device: str | None = None
    failure: str | None = None
    """Why it did not come to its end."""


class Folder:
    """A folder for one run of one tool.

    Args:
        path: An empty folder that nobody else may enter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, path: Path, assignment: Assignment, bundle: bytes) -> Self:
        """Returns a folder with a run's assignment in it."""
        folder = cls(path)
        (path / "assignment.json").write_text(assignment.model_dump_json(), encoding="utf-8")
        (path / "bundle").write_bytes(bundle)
        return folder

    @property
    def log(self) -> Path:
        """Where the tool writes."""
        return self.path / "log"

    @property
    def words(self) -> Path:
        """Where the run's own output goes."""
        return self.path / "words"

    @property
    def proton(self) -> Path:
        """Where Proton writes; it adds an ending."""
        return self.path / "proton"

    def assignment(self) -> tuple[Assignment, bytes]:
        """Returns what to run, and the bundle that it is in.

        Raises:
            BrokenBundle: One of the files is not what was written.
        """
        try:
            found = Assignment.model_validate_json(_read(self.path / "assignment.json", MAX_FILE_BYTES))
            return found, _read(self.path / "bundle", MAX_BUNDLE_BYTES)
        except (OSError, ValidationError) as error:
            raise BrokenBundle(f"the folder {self.path} holds no run of a section ({type(error).__name__})") from error

    def tell(self, told: Told) -> None:
        """Says how the run ended."""
        (self.path / "told.json").write_text(told.model_dump_json(), encoding="utf-8")

    def told(self) -> Told | None:
        """Returns how the run ended; None if it did not say."""
        try:
            return Told.model_validate_json(_read(self.path / "told.json", MAX_FILE_BYTES))
        except (OSError, ValidationError):
            return None


def _read(path: Path, limit: int) -> bytes:
    """Returns the beginning of a file: what is longer is cut, and no longer valid."""
    with path.open("rb") as file:
        return file.read(limit + 1)
