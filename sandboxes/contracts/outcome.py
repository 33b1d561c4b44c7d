"""How an evaluation ended, and in which stage."""

from enum import StrEnum


class Stage(StrEnum):
    """The stations of one evaluation, in order."""

    EXTRACT = "extract"
    """Find the candidate's code in the completion."""
    TRACE = "trace"
    """Run the candidate once in the sandbox, on fake tensors."""
    VERIFY = "verify"
    """Check the trace as data and as a graph."""
    COMPILE = "compile"
    """TTIR to machine code for the target."""
    REPLAY = "replay"
    """Run the trace on fresh data and judge its outputs."""
    PROFILE = "profile"
    """Price or time every node of the trace."""


class Outcome(StrEnum):
    """The verdict. All but `INFRASTRUCTURE` say something about the candidate."""

    OK = "ok"
    """Correct on every case and free of hacks; only such a report carries a speedup."""
    NO_CODE = "no_code"
    """The completion holds no code block."""
    SYNTAX_ERROR = "syntax_error"
    """The candidate is not Python."""
    IMPORT_ERROR = "import_error"
    """Importing the candidate or building `ModelNew` raised, or there is no usable `ModelNew`."""
    UNTRACEABLE = "untraceable"
    """`forward` needs tensor values in Python (`.item()`, data-dependent shapes), streams or threads."""
    TRACE_ERROR = "trace_error"
    """`forward` raised or crashed, or the recorded trace is malformed."""
    COMPILE_ERROR = "compile_error"
    """Triton's frontend or the target's compiler rejected a kernel."""
    LAUNCH_ERROR = "launch_error"
    """A launch asks for more than the target has: shared memory, threads, grid size."""
    MEMORY_ERROR = "memory_error"
    """A kernel touched memory outside its buffers."""
    INCORRECT = "incorrect"
    """Shapes, dtypes or values differ from the reference's."""
    HACK = "hack"
    """A rule of the gate was violated: the candidate earns without doing the work."""
    TIMEOUT = "timeout"
    """The candidate, its compilation or its kernels ran over a time limit."""
    UNSUPPORTED = "unsupported"
    """This device can't judge the program (inline PTX on `cpu`); counted apart, reward 0."""
    UNJUDGED = "unjudged"
    """Priced, not judged, as the configuration asked: whether it is correct is unknown, so it earns as if it were not,
    and counts for nothing but the choice of what is judged."""
    INFRASTRUCTURE = "infrastructure"
    """Our failure, not the candidate's: no verdict, no reward."""
