"""What a compiler's output says to the author of a kernel: a few lines, without dumps or paths of this machine."""

import re
from dataclasses import dataclass
from pathlib import Path

MAX_LINES = 4
MAX_LINE_CHARACTERS = 400
MAX_OUTPUT_CHARACTERS = 1_000_000

ERROR = re.compile(r"^(?P<where>.*?)\berror\s*: (?P<what>.*)$", re.MULTILINE)
PTXAS = re.compile(r"^ptxas\S* (?:(?P<file>\S+), line (?P<line>\d+); )?(?:error|fatal)\s*: (?P<what>.*)$", re.MULTILINE)
CANDIDATE_LINE = re.compile(r'candidate\.py"?:(\d+)')
"""How MLIR locations and LLVM's PTX comments name a line of the candidate."""

PATH = re.compile(r"(?<![\w.)])/(?:[\w.+@~-]+/)+[\w.+@~-]*")
EMPTY_PHRASES = ("Failures have been detected while processing an MLIR pass pipeline", "Ptx assembly aborted")

HINTS = (
    ("Insufficient registers", "Raise maxnreg or drop it."),
    ("num_ctas > 1 requires", "Set num_ctas=1."),
    ("num_warps must be a power of 2", "Use num_warps 1, 2, 4, 8, 16 or 32."),
    ("must be power-of-two", "Make every block size a power of two and mask the rest."),
    ("Not a name of any known instruction", "The inline assembly is no PTX of this target."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Why the compiler refused, in its own words."""

    message: str
    line: int | None
    """Line of the candidate's source, 1-based."""
    hint: str | None


def read_complaint(error: Exception, output: Path, folder: Path) -> Complaint:
    """Finds the reason in what a compiler raised and wrote.

    Args:
        error: What `triton.compile` raised; often only "PassManager::run failed".
        output: File with everything the compilers wrote.
        folder: Where the compilers' temporary files are, among them the PTX that ptxas refused.
    """
    with output.open(encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_OUTPUT_CHARACTERS)
    found = [(match["what"], _ptx_line(match, folder)) for match in PTXAS.finditer(text)]
    if not found:
        found = [(match["what"], _candidate_line(match[0])) for match in ERROR.finditer(text)]
    found = [(what, line) for what, line in found if what and not what.startswith(EMPTY_PHRASES)]
    if not found:
        found = [(_first_lines(str(error)) or type(error).__name__, _candidate_line(text))]
    reasons = dict.fromkeys(what[:MAX_LINE_CHARACTERS] for what, _ in found)
    message = PATH.sub("<path>", "\n".join(list(reasons)[:MAX_LINES]))
    line = next((line for _, line in found if line is not None), None)
    hint = next((hint for phrase, hint in HINTS if phrase in message), None)
    return Complaint(message=message, line=line, hint=hint)


def _first_lines(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip())[:MAX_LINE_CHARACTERS]


def _candidate_line(text: str) -> int | None:
    match = CANDIDATE_LINE.search(text)
    return int(match[1]) if match else None


def _ptx_line(match: re.Match[str], folder: Path) -> int | None:
    """Returns the candidate's line for a line of the PTX: that of the last location comment before it."""
    if match["file"] is None:
        return None
    ptx = folder / Path(match["file"]).name
    if not ptx.is_file():
        return None
    before = ptx.read_text(encoding="utf-8", errors="replace").splitlines()[: int(match["line"])]
    return next((line for line in map(_candidate_line, reversed(before)) if line is not None), None)
