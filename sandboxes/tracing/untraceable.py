"""Raised inside the sandbox where a candidate does what a trace can't hold."""


class Untraceable(RuntimeError):
    """Carries what happened and what to do instead.

    Args:
        message: What the candidate did.
        hint: What to do instead.
        line: The candidate's line, if it is not the one that is running.
    """

    def __init__(self, message: str, hint: str, line: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.line = line
