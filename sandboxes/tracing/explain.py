"""Says what an exception from the candidate means: outcome, line and hint."""

import traceback

from pydantic import ValidationError
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedOperatorException,
)
from triton.compiler.errors import CompilationError
from triton.runtime.errors import OutOfResources

from sandboxes.contracts import TraceFailure, clip
from sandboxes.tracing.building import CandidateRejected
from sandboxes.tracing.line import failing_line
from sandboxes.tracing.untraceable import Untraceable

NO_VALUES = (
    "While tracing, tensors have shapes but no values: keep the value on the GPU (pass the tensor to the kernel, use "
    "torch.where or a mask) instead of deciding in Python. A number that is only passed on, to a kernel or an "
    "operator, can be read with `.item()`; sizes come from `x.shape`."
)

BRANCH = "Python needs a tensor's value, to branch, count or index with it"
READS = ("aten._local_scalar_dense", "aten.is_nonzero", "aten.item")
"""Operators behind `if tensor`, `range(tensor)` and `list[tensor]`."""

MISMATCH = "Unhandled FakeTensor Device Propagation"
"""How torch before 2.13 says, and no class of its own does, that fake tensors are on different devices."""

NOTHING_OUTSIDE = "The sandbox has no network and no files but the installed packages and a private folder."

PREFIXES = {"import": "while importing the candidate: ", "init": "while building `ModelNew`: ", "forward": ""}

Explanation = tuple[str, str, int | None, str | None]
"""Outcome, message, line and hint."""


def explain(error: BaseException, *, stage: str, case: str | None, source: str) -> TraceFailure:
    """Returns the failure that `error` stands for.

    Args:
        error: Raised while the candidate's code ran.
        stage: `import`, `init` or `forward`.
        case: Name of the case under way.
        source: The candidate.
    """
    outcome, message, line, hint = _classify(error, stage, source)
    message = message.encode("utf-8", errors="replace").decode()  # it may quote half a surrogate pair
    if stage != "forward" and outcome == "trace_error":
        outcome = "import_error"
    prefix = "" if isinstance(error, CandidateRejected) or outcome == "syntax_error" else PREFIXES[stage]
    return TraceFailure.model_validate(
        {
            "outcome": outcome,
            "message": clip(prefix + message),
            "line": line,
            "hint": hint,
            "case": case if stage == "forward" else None,
        }
    )


def _classify(error: BaseException, stage: str, source: str) -> Explanation:
    line = failing_line(error.__traceback__)
    if isinstance(error, SyntaxError) and line is None:
        return "syntax_error", f"SyntaxError: {error.msg}", error.lineno or None, None
    if isinstance(error, CandidateRejected):
        return "import_error", str(error), None, error.hint
    if isinstance(error, Untraceable):
        return "untraceable", str(error), error.line or line, error.hint
    if isinstance(error, DataDependentOutputException):
        text = BRANCH if str(error.func).startswith(READS) else f"`{error.func}` reads a tensor's value in Python"
        return "untraceable", text, line, NO_VALUES
    if isinstance(error, DynamicOutputShapeException):
        return "untraceable", f"the shape of `{error.func}`'s result depends on tensor values", line, NO_VALUES
    if isinstance(error, UnsupportedOperatorException):
        return "untraceable", f"`{error.func}` can't be run on tensors without data", line, None
    if isinstance(error, OutOfResources):
        return "launch_error", str(error), line, None
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        text = f"{'.'.join(map(str, first['loc']))} is {first['input']!r:.60}: {first['msg']}"
        return "launch_error" if error.title == "Variant" else "untraceable", text, line, None
    if isinstance(error, CompilationError):
        return _frontend_error(error, line, source)
    if isinstance(error, SystemExit):
        return "trace_error", f"the candidate called sys.exit({error.code!r:.50})", line, "Return the result instead."
    if isinstance(error, TypeError) and stage == "init" and "__init__()" in str(error):
        return "import_error", f"TypeError: {error}", line, "Give `ModelNew.__init__` the reference's arguments."
    if isinstance(error, TypeError) and stage == "forward" and ".forward()" in str(error):
        return "trace_error", f"TypeError: {error}", line, "Give `forward` the reference's arguments."
    if isinstance(error, RuntimeError) and ".numpy() is not supported" in str(error):
        return "untraceable", "`.numpy()` reads a tensor's values in Python", line, NO_VALUES
    if isinstance(error, RuntimeError) and MISMATCH in str(error):
        devices = str(error).rpartition("devices ")[2].replace(", ", " and ")
        return "trace_error", f"RuntimeError: Expected all tensors to be on the same device, not {devices}", line, None
    text = "".join(traceback.format_exception_only(error)).strip()
    return "trace_error", clip(text, 1500), line, NOTHING_OUTSIDE if isinstance(error, OSError) else None


def _frontend_error(error: CompilationError, line: int | None, source: str) -> Explanation:
    """Finds the innermost message and the innermost of the candidate's lines in a chain of Triton frontend errors."""
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    compilation = [link for link in chain if isinstance(link, CompilationError)]
    lines = [found for link in compilation if (found := _line_in_file(link, source)) is not None]
    messages = [link.error_message for link in compilation if link.error_message]
    last = chain[-1]
    if not isinstance(last, CompilationError):
        messages.append("".join(traceback.format_exception_only(last)).strip().splitlines()[-1])
    message = messages[-1] if messages else str(error).strip().splitlines()[-1]
    return "compile_error", clip(f"Triton: {message}", 1500), lines[-1] if lines else line, None


def _line_in_file(error: CompilationError, source: str) -> int | None:
    """Returns the candidate's line an error points at, or None if the function is not the candidate's.

    A frontend error knows its line within the dedented text of the function being compiled; that text is looked for in
    the candidate's source, line by line without regard to indentation.
    """
    if not error.src or not getattr(error.node, "lineno", None):
        return None
    function = [line.strip() for line in error.src.strip().splitlines()]
    text = [line.strip() for line in source.splitlines()]
    for start, line in enumerate(text):
        if line == function[0] and text[start : start + len(function)] == function:
            return start + int(error.node.lineno)
    return None
