"""Which line of the candidate is running."""

import sys
import traceback
from types import FrameType, TracebackType

CANDIDATE_FILE = "candidate.py"
"""File name of the candidate inside the sandbox, and in every source location of its trace."""


def is_candidate(filename: str) -> bool:
    """True if `filename` is the candidate's."""
    return filename.rpartition("/")[2] == CANDIDATE_FILE


def current_line() -> int | None:
    """Returns the candidate's line that is being executed, innermost frame first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_candidate(frame.f_code.co_filename):
            return frame.f_lineno
        frame = frame.f_back
    return None


def failing_line(trace: TracebackType | None) -> int | None:
    """Returns the innermost of the candidate's lines in a traceback."""
    lines = [lineno for frame, lineno in traceback.walk_tb(trace) if is_candidate(frame.f_code.co_filename)]
    return lines[-1] if lines else None
