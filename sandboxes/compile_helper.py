"""Compiling ahead for a process that uses a GPU: its own forks would inherit a CUDA context, which no fork may have.

So one child is forked while there is no context yet. It has torch and Triton, as pages shared with its parent, no
connection to anybody but the parent, and never sees a GPU; whatever is to be compiled, it forks compilers for, as
`precompile` does anywhere. What they leave is in Triton's cache, where the parent finds it. It ends with its parent.
"""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter
from triton.runtime.cache import triton_key

from sandboxes.contracts import Contract, Target, Variant
from sandboxes.errors import MachineFailed
from sandboxes.isolation import syscalls
from sandboxes.precompilation import CompileTimeout, precompile

GRACE_S: Final = 10.0
"""How much longer than its time limit the helper may take to answer."""


class _Request(Contract):
    variants: tuple[Variant, ...]
    target: Target
    processes: int
    timeout_s: float


class _Compiled(Contract):
    kind: Literal["compiled"] = "compiled"
    crashed: dict[int, str]


class _TimeUp(Contract):
    kind: Literal["time_up"] = "time_up"
    busy_with: tuple[int, ...]
    unfinished: tuple[int, ...]


class _Failed(Contract):
    kind: Literal["failed"] = "failed"
    message: str


_REPLY: TypeAdapter[_Compiled | _TimeUp | _Failed] = TypeAdapter(
    Annotated[_Compiled | _TimeUp | _Failed, Field(discriminator="kind")]
)


class CompileHelper:
    """Compiles as `precompile` does, in a child that was forked when this was made: before there is a CUDA context."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(theirs.fileno())
        theirs.close()
        self._connection: Connection[bytes, bytes] = Connection(ours.detach())

    def precompile(
        self, variants: Sequence[Variant], target: Target, *, processes: int, timeout_s: float
    ) -> dict[int, str]:
        """See `sandboxes.precompilation.precompile`.

        Raises:
            CompileTimeout, MachineFailed: As there; the latter also if the helper has ended.
        """
        request = _Request(variants=tuple(variants), target=target, processes=processes, timeout_s=timeout_s)
        try:
            self._connection.send_bytes(request.model_dump_json().encode())
            if not self._connection.poll(timeout_s + GRACE_S):
                raise MachineFailed(f"the compile helper did not answer within {timeout_s + GRACE_S:g} s")
            reply = _REPLY.validate_json(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise MachineFailed(
                f"the compile helper has ended ({error or 'end of file'}); a new worker has one"
            ) from error
        match reply:
            case _Compiled():
                return reply.crashed
            case _TimeUp():
                raise CompileTimeout(reply.busy_with, reply.unfinished)
            case _Failed():
                raise MachineFailed(reply.message)

    def close(self) -> None:
        """Ends the child; calling it again does nothing."""
        if self._pid:
            self._connection.close()
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0


def prime() -> None:
    """Has Triton find out its own version for this process and all forks of it: it reads all that it consists of."""
    triton_key()


def _serve(file: int) -> None:
    """Compiles until the other side hangs up; never returns."""
    status = 1
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(file, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        connection: Connection[bytes, bytes] = Connection(3)
        prime()
        while True:
            request = _Request.model_validate_json(connection.recv_bytes())
            connection.send_bytes(_answer(request).model_dump_json().encode())
    except EOFError:
        status = 0
    except BaseException as error:  # noqa: BLE001 - a fork must not run on as if it were its parent
        print(f"the compile helper ends: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def _answer(request: _Request) -> _Compiled | _TimeUp | _Failed:
    try:
        crashed = precompile(request.variants, request.target, processes=request.processes, timeout_s=request.timeout_s)
    except CompileTimeout as timeout:
        return _TimeUp(busy_with=tuple(timeout.busy_with), unfinished=tuple(timeout.unfinished))
    except MachineFailed as error:
        return _Failed(message=str(error))
    return _Compiled(crashed=crashed)
