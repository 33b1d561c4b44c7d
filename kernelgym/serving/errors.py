"""What serving raises, beside the errors of `kernelgym.errors`.

    KernelGymError
    └── ServingError
        ├── LedgerUnavailable (ConnectionError)  the store or the broker can't be reached, or takes no more
        ├── TooBusy           (RuntimeError)     no room for another job: ask again later
        └── NoSuchStation     (LookupError)      nothing here can do this part of the work

The first two pass: whoever gets one may ask again, after a while that grows. So does the third if it says when.
"""

from kernelgym.errors import KernelGymError


class ServingError(KernelGymError):
    """Root of everything `kernelgym.serving` raises on purpose."""


class LedgerUnavailable(ServingError, ConnectionError):
    """The store or the broker can't be reached, or takes no more; the message says which, where, and why."""


class TooBusy(ServingError, RuntimeError):
    """There is no room for another job, or for all that were asked for at once.

    Args:
        open_jobs: How many there are.
        limit: How many there may be.
        retry_after_s: When to ask again.
        wanted: How many new ones were asked for.
    """

    def __init__(self, open_jobs: int, limit: int, retry_after_s: float = 1.0, wanted: int = 1) -> None:
        self.open_jobs = open_jobs
        self.limit = limit
        self.retry_after_s = retry_after_s
        self.wanted = wanted
        super().__init__(open_jobs, limit, retry_after_s, wanted)

    def __str__(self) -> str:
        more = f", {self.wanted} more were asked for at once" if self.wanted > 1 else ""
        return (
            f"{self.open_jobs} jobs are open{more} and {self.limit} may be; ask again in {self.retry_after_s:g} s, "
            f"{'for fewer at a time, ' if more else ''}or start more workers"
        )


class NoSuchStation(ServingError, LookupError):
    """Nothing here can do this part of the work.

    Args:
        message: Names the station, and what would do it.
        retry_after_s: When to ask again, where it is not certain yet; None: it is.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.message = message
        self.retry_after_s = retry_after_s
        super().__init__(message, retry_after_s)

    def __str__(self) -> str:
        return self.message
