"""One request's conversation with a zygote, seen from the caller, who believes nothing and waits for nothing forever.

The pipes are created here for this request alone, so nothing an earlier request left behind can write to them, and
everything is read with a deadline and a size limit.
"""

import os
import selectors
import signal
import time
from contextlib import suppress
from dataclasses import asdict

from sandboxes.isolation import channel
from sandboxes.isolation.candidate import ANSWER, EXCEPTION, HEADER, OUT_OF_MEMORY, STARTED
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.result import SandboxResult, SandboxStatus, printable_tail
from sandboxes.isolation.warden import CROWDED, OVERATE
from sandboxes.isolation.zygote_handle import ZygoteHandle

__all__ = ["OUTSIDE_SIGNALS", "Exchange"]

_START_S = 60.0
"""Seconds from the request to the entry's first line, on a machine that is merely busy."""
_END_S = 12.0
"""Seconds the zygote has to kill and sweep, more than it takes itself."""
_LOOK_S = 0.5
"""How often it is seen to that the zygote is not stopped."""
_STOPPED_S = 4.0
"""A zygote that is stopped for so long is given up."""
_ABSENT_S = 1.0
"""Time that this process itself must have lost at a stretch (stopped, frozen, suspended) to be counted."""
_CHUNK = 1 << 16
_MIB = 1 << 20
_KIB = 1 << 10


OUTSIDE_SIGNALS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""What ends a process from outside; faults of its own come as others (SIGSEGV, SIGABRT, SIGBUS, ...)."""


class Exchange:
    """Sends one request and collects what comes back.

    Args:
        zygote: A ready zygote that serves nobody else.
        limits: The request's budget.

    Attributes:
        started: Whether the entry was reached; from then on whatever happens is the candidate's.
        hurt: Whether the zygote must not be used again.
        doubtful: Whether the candidate may have ended as it did because of something that came from outside: a signal
            that it could have sent itself, too. Then it deserves another try, in which it would do so again.
        lost: Whether the zygote was ended or stopped, which is not the candidate's doing if it can't send signals.
    """

    def __init__(self, zygote: ZygoteHandle, limits: Limits) -> None:
        self._zygote = zygote
        self._limits = limits
        self._answer = bytearray()
        self._output = bytearray()
        self._output_total = 0
        self._verdict: SandboxStatus | None = None
        self._done: dict[str, object] | None = None
        self._sent = time.monotonic()
        self._first_line: float | None = None
        self._absent_s = 0.0
        self._stopped_since: float | None = None
        self.hurt = True
        self.doubtful = False
        self.lost = False

    @property
    def started(self) -> bool:
        """Whether the entry's first line was reached."""
        return self._first_line is not None

    def output_tail(self) -> str:
        """The end of stdout and stderr so far, safe to print."""
        return printable_tail(bytes(self._output), self._limits.stderr_kib * _KIB)

    def run(self, request: bytes) -> SandboxResult | None:
        """Run one request; `None` if the entry was never reached, which is not the candidate's fault."""
        answer, answer_write = os.pipe2(os.O_CLOEXEC)
        output, output_write = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                self._send(request, answer_write, output_write)
            finally:
                os.close(answer_write)
                os.close(output_write)
            for descriptor in (answer, output):
                os.set_blocking(descriptor, False)
            self._collect(answer, output)
        except (ConnectionError, BrokenPipeError):
            return self._result() if self.started else None
        finally:
            os.close(answer)
            os.close(output)
        return self._result() if self.started else None

    def _send(self, request: bytes, answer_write: int, output_write: int) -> None:
        memory = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(memory), "wb") as writer:
                writer.write(request)
            self._sent = time.monotonic()
            message = {"op": "run", "limits": asdict(self._limits)}
            channel.send(self._zygote.control, message, (memory, answer_write, output_write))
        finally:
            os.close(memory)

    def _collect(self, answer: int, output: int) -> None:
        """Read until the zygote says that nothing of the request is left, it dies, or patience ends."""
        deadline = self._sent + _START_S
        control = self._zygote.control.fileno()
        with selectors.DefaultSelector() as selector:
            for descriptor in (control, answer, output):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ready, absent_s = _wait(selector, min(_LOOK_S, deadline - time.monotonic()))
                self._absent_s += absent_s
                deadline += absent_s
                for descriptor in ready & {answer, output}:
                    if not self._read(descriptor, is_answer=descriptor == answer):
                        selector.unregister(descriptor)
                if self._first_line is not None and self._verdict is None:
                    deadline = self._first_line + self._limits.wall_time_s + self._absent_s
                if control in ready:
                    self._hear(answer, output)
                    return
                if not ready and self._is_stuck():
                    self.lost = True
                    return
                if self._verdict is None and (over := self._exceeded(deadline)):
                    self._verdict = over
                    self.doubtful = over is SandboxStatus.TIMEOUT and self._zygote.candidate_stopped()
                    deadline = time.monotonic() + _END_S
                    channel.send(self._zygote.control, {"op": "kill"})
                elif self._verdict is not None and time.monotonic() >= deadline:
                    return

    def _is_stuck(self) -> bool:
        """Whether the zygote has been stopped for too long to wait for it."""
        if not self._zygote.stopped():
            self._stopped_since = None
            return False
        now = time.monotonic()
        self._stopped_since = now if self._stopped_since is None else self._stopped_since
        return now - self._stopped_since >= _STOPPED_S

    def _hear(self, answer: int, output: int) -> None:
        with suppress(ValueError):
            received = channel.receive(self._zygote.control)
            if received is not None and received[0].get("op") == "done":
                self._done = received[0]
        for descriptor, is_answer in ((answer, True), (output, False)):
            # All writers are gone, so this ends; what exceeds a limit is dropped.
            while self._read(descriptor, is_answer=is_answer, patient=False) and not self._exceeded(None):
                pass
        if self._verdict is None:
            self._verdict = self._exceeded(None)
        self.hurt = self._done is None or self._done.get("swept") is not True

    def _read(self, descriptor: int, *, is_answer: bool, patient: bool = True) -> bool:
        """Take one chunk; false at the end of the stream (or, if not patient, when nothing is there)."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return patient
        if not chunk:
            return False
        if is_answer:
            if self._first_line is None:
                self._first_line = time.monotonic()
            if self._verdict is None:
                self._answer += chunk
        else:
            self._output_total += len(chunk)
            self._output += chunk
            if len(self._output) > 2 * self._limits.stderr_kib * _KIB + _CHUNK:
                del self._output[: -self._limits.stderr_kib * _KIB]
        return True

    def _exceeded(self, deadline: float | None) -> SandboxStatus | None:
        allowed = self._limits.output_mib * _MIB
        if len(self._answer) > allowed + HEADER.size + len(STARTED) or self._output_total > allowed:
            return SandboxStatus.OUTPUT_LIMIT
        if deadline is not None and time.monotonic() >= deadline:
            return SandboxStatus.TIMEOUT
        return None

    def _result(self) -> SandboxResult:
        status, payload, end_signal, exit_code = self._judge()
        first_line = self._first_line if self._first_line is not None else time.monotonic()
        return SandboxResult(
            status=status,
            payload=payload,
            signal=end_signal,
            exit_code=exit_code,
            stderr_tail=self.output_tail(),
            timings_s={"first_line": first_line - self._sent, "total": time.monotonic() - self._sent},
        )

    def _judge(self) -> tuple[SandboxStatus, bytes | None, int | None, int | None]:
        if self._verdict is not None:
            return self._verdict, None, None, None
        if self._done is None:  # the zygote went down while the candidate ran
            self.lost = True
            return SandboxStatus.KILLED, None, int(signal.SIGKILL), None
        wait_status = self._done.get("wait_status")
        if not isinstance(wait_status, int):  # its warden did not live to see the end
            self.doubtful = True
            return SandboxStatus.KILLED, None, int(signal.SIGKILL), None
        if wait_status == OVERATE:
            return SandboxStatus.MEMORY, None, None, None
        if wait_status == CROWDED:
            return SandboxStatus.KILLED, None, int(signal.SIGKILL), None
        if os.WIFSIGNALED(wait_status):
            number = os.WTERMSIG(wait_status)
            self.doubtful = number in OUTSIDE_SIGNALS
            timed_out = number == signal.SIGXCPU
            return SandboxStatus.TIMEOUT if timed_out else SandboxStatus.KILLED, None, number, None
        exit_code = os.WEXITSTATUS(wait_status)
        tag, payload = self._frame()
        if exit_code == 0 and tag == ANSWER:
            return SandboxStatus.COMPLETED, payload, None, 0
        if exit_code == 0 and tag == OUT_OF_MEMORY:
            return SandboxStatus.MEMORY, None, None, 0
        if exit_code == 0 and tag == EXCEPTION:
            return SandboxStatus.CRASHED, None, None, 0
        return SandboxStatus.EXITED, None, None, exit_code

    def _frame(self) -> tuple[bytes | None, bytes]:
        """The one frame after the start mark, if it is exactly one."""
        start = len(STARTED)
        if self._answer[:start] != STARTED or len(self._answer) < start + HEADER.size:
            return None, b""
        tag, length = HEADER.unpack_from(self._answer, start)
        body = bytes(self._answer[start + HEADER.size :])
        return (tag, body) if len(body) == length else (None, b"")


def _wait(selector: selectors.BaseSelector, seconds: float) -> tuple[set[int], float]:
    """Waits for something to happen; returns where it did, and the time for which this process itself was away."""
    before = time.monotonic()
    events = selector.select(max(0.0, seconds))
    away_s = 0.0 if events else time.monotonic() - before - max(0.0, seconds)
    return {key.fd for key, _ in events}, away_s if away_s >= _ABSENT_S else 0.0
