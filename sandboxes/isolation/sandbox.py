"""The contract every isolation backend keeps."""

from typing import Protocol

from sandboxes.isolation.limits import Limits
from sandboxes.isolation.result import SandboxResult

__all__ = ["Sandbox"]


class Sandbox(Protocol):
    """Runs one entry on untrusted requests, one at a time, and forgets each before the next."""

    @property
    def name(self) -> str:
        """The kind of sandbox, as `create_sandbox` knows it."""

    def run(self, request: bytes, limits: Limits) -> SandboxResult:
        """Call the entry on `request` in a fresh process and return what came of it.

        Returns only after everything the request started is gone. Calls from several threads queue up.

        Raises:
            SandboxUnavailable: The sandbox cannot be started on this machine.
            SandboxBroken: The sandbox failed before the entry's first line, or was closed.

        Nothing else is raised: whatever the untrusted code does is in the result.
        """

    def close(self) -> None:
        """End the sandbox and everything in it; safe to call twice."""
