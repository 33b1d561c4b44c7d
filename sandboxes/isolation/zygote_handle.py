"""What a caller holds of a running zygote, however it was started: the channel, the log, and what it found."""

import os
import socket
import tempfile
from abc import ABC, abstractmethod
from typing import IO

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import channel
from sandboxes.isolation.result import printable_tail

__all__ = ["LOG_BYTES", "ZygoteHandle"]

LOG_BYTES = 8 * 1024
"""How much of the end of a zygote's log is read."""


class ZygoteHandle(ABC):
    """One running zygote; the constructor of a subclass starts it and waits until it is ready.

    Attributes:
        control: The caller's end of the channel.
        features: What the zygote found it can do.
    """

    control: socket.socket

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.features: dict[str, object] = {}

    @property
    def is_ours(self) -> bool:
        """Whether this process started it (false in a fork of the caller)."""
        return self._owner == os.getpid()

    def log_tail(self) -> str:
        """The end of what the zygote itself said; never the candidate's output."""
        size = os.fstat(self._log.fileno()).st_size
        raw = os.pread(self._log.fileno(), LOG_BYTES, max(0, size - LOG_BYTES))
        return printable_tail(raw, LOG_BYTES).strip()

    def stopped(self) -> bool:
        """Whether the zygote is stopped (SIGSTOP), which no candidate can do where signals are kept from it."""
        return False

    def candidate_stopped(self) -> bool:
        """Whether something below the zygote is stopped: by itself, or from outside."""
        return False

    @abstractmethod
    def close(self) -> None:
        """End it: by closing the channel, which makes it sweep and exit, or else by force."""

    @abstractmethod
    def kill(self) -> None:
        """End it by force, with everything that runs below it."""

    @abstractmethod
    def _discard(self) -> None:
        """Give back what its caller holds for it."""

    def _await_ready(self, remedy: str, within_s: float) -> dict[str, object]:
        """The zygote's first message.

        Raises:
            SandboxUnavailable: If it does not come, with the end of what the zygote said.
        """
        self.control.settimeout(within_s)
        try:
            received = channel.receive(self.control)
        except (TimeoutError, ValueError) as error:
            received, reason = None, f"was not ready within {within_s:g} s ({error})"
        else:
            reason = "ended while starting"
        if received is None:
            self.kill()
            said = self.log_tail()
            self._discard()
            raise SandboxUnavailable(f"sandbox {reason}; {remedy}\n{said}".rstrip())
        self.control.settimeout(None)
        features: dict[str, object] = received[0]["features"]
        return features
