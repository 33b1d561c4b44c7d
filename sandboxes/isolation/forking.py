"""What all backends share: a warm zygote, one request at a time, a fresh one when in doubt."""

import threading
import weakref
from collections.abc import Callable
from typing import Self

from sandboxes.errors import SandboxBroken
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.exchange import Exchange
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.protection import Protection, gaps_of, protections_of
from sandboxes.isolation.result import SandboxResult
from sandboxes.isolation.zygote_handle import ZygoteHandle

__all__ = ["ForkingSandbox"]


class ForkingSandbox:
    """A `Sandbox` that forks every request from a zygote.

    Args:
        entry: What runs inside.
        start: Starts a zygote for an entry, with patience in seconds, and returns when it is ready.
        recycle_after: Requests after which the zygote is replaced, hurt or not.
        start_within_s: Patience with a start, which includes the entry's preload.
    """

    name = "forking"
    fallback_reason: str | None = None
    """Why `create_sandbox("auto")` chose this weaker kind; `None` if it was chosen by name or is the strong one."""

    def __init__(
        self,
        entry: Entry,
        start: Callable[[Entry, float], ZygoteHandle],
        *,
        recycle_after: int = 500,
        start_within_s: float = 120.0,
    ) -> None:
        self._entry = entry
        self._start = start
        self._recycle_after = recycle_after
        self._start_within_s = start_within_s
        self._lock = threading.Lock()
        self._zygote: ZygoteHandle | None = None
        self._finalizer: weakref.finalize[[], ForkingSandbox] | None = None
        self._served = 0
        self._closed = False

    on_ready: Callable[[], None] | None = None
    """Called whenever a new zygote is ready, before it gets its first request."""

    @property
    def features(self) -> dict[str, object]:
        """What the running zygote found it can do; empty before the first request."""
        return dict(self._zygote.features) if self._zygote is not None else {}

    @property
    def protections(self) -> frozenset[Protection]:
        """What this sandbox protects against here; known once it is warm, and empty before."""
        return protections_of(self.name, self.features) if self._zygote is not None else frozenset()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What a submission can do in spite of it, one clause each; known once it is warm, and empty before."""
        return gaps_of(self.protections) if self._zygote is not None else ()

    def warm_up(self) -> None:
        """Start the zygote now rather than at the first request.

        Raises:
            SandboxUnavailable: If it cannot be started.
            SandboxBroken: If the sandbox was closed.
        """
        with self._lock:
            self._ready()

    def run(self, request: bytes, limits: Limits) -> SandboxResult:
        """See `Sandbox.run`."""
        with self._lock:
            said, why = "", "the entry was not reached"
            for last in (False, True):
                zygote, protections = self._ready(), self.protections
                kills = out_of_memory_kills()
                exchange = Exchange(zygote, limits)
                result = None
                try:
                    result = exchange.run(request)
                finally:
                    self._served += 1
                    said = f"{zygote.log_tail()}\n{exchange.output_tail()}".strip()
                    if result is None or exchange.hurt or self._served >= self._recycle_after:
                        self._retire()
                out_of_reach = Protection.SIGNALS in protections and out_of_memory_kills() == kills
                if result is not None and exchange.lost and out_of_reach:
                    why = "its zygote was ended or stopped from outside"
                elif result is not None and (last or not (exchange.lost or exchange.doubtful)):
                    return result
            raise SandboxBroken(f"{self.name} sandbox: {why} in both attempts\n{said}")

    def close(self) -> None:
        """See `Sandbox.close`."""
        with self._lock:
            self._closed = True
            self._retire()

    def __enter__(self) -> Self:
        """The sandbox itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _ready(self) -> ZygoteHandle:
        if self._closed:
            raise SandboxBroken(f"{self.name} sandbox: run() after close(); create a new one")
        if self._zygote is not None and not self._zygote.is_ours:
            self._retire()  # this process is a fork of the one that started it
        if self._zygote is None:
            self._zygote = self._start(self._entry, self._start_within_s)
            self._finalizer = weakref.finalize(self, self._zygote.close)
            self._served = 0
            if self.on_ready is not None:
                self.on_ready()
        return self._zygote

    def _retire(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
        self._zygote = None
        self._finalizer = None
