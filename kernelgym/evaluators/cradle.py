"""The process in which spare workers are born: everything is loaded once, and a worker is a fork of it.

Started as `python -I -m kernelgym.evaluators.cradle FD`. Loading torch and Triton takes seconds, a fork takes some ten
milliseconds. It never calls CUDA, for a fork could not; it starts no thread, and evaluates nothing. What is born has a
session, rights and limits of its own, as if it had been started; it ends with the evaluator's process, which is told of
its end through a pipe, since a process can only be waited for by its parent.
"""

import gc
import os
import select
import signal
import socket
import struct
import sys
import traceback
from typing import Final

import torch._dynamo  # noqa: F401 - torch loads it, for a second, when a reference is first traced

from kernelgym.evaluators import worker
from sandboxes.compile_helper import prime
from sandboxes.devices.cuda.real.libcuda import is_initialised
from sandboxes.isolation.channel import receive, send

STATUS: Final = struct.Struct("=i")
"""How an exit status travels: negative is the number of a signal."""


class Cradle:
    """Forks workers until nobody is left to want them.

    Args:
        channel: To the evaluator.
        parent: The evaluator's process.
    """

    def __init__(self, channel: socket.socket, parent: int) -> None:
        self._channel = channel
        self._parent = parent
        self._born: dict[int, int] = {}
        """Where to write a worker's exit status, by the descriptor of the worker's process."""

    def work(self) -> None:
        """Does what it is told; returns when the evaluator ends or hangs up."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        evaluator = os.pidfd_open(self._parent)
        poll.register(evaluator, select.POLLIN)
        send(self._channel, {"ready": True})
        while True:
            for ready, _ in poll.poll():
                if ready == evaluator:
                    return
                if ready in self._born:
                    poll.unregister(ready)
                    self._tell(ready)
                elif (request := receive(self._channel)) is None:
                    return
                else:
                    message, descriptors = request
                    poll.register(self._bear(message["arguments"], *descriptors), select.POLLIN)

    def _bear(self, arguments: list[str], connection: int, log: int, status: int) -> int:
        """Forks a worker; returns the descriptor of its process."""
        child = os.fork()
        if child == 0:
            self._live(arguments, connection, log, status)
        for descriptor in (connection, log):
            os.close(descriptor)
        process = os.pidfd_open(child)
        self._born[process] = status
        send(self._channel, {"pid": child}, [process])
        return process

    def _tell(self, process: int) -> None:
        """Tells how a worker has ended."""
        ended = os.waitid(os.P_PIDFD, process, os.WEXITED)
        assert ended is not None  # only WNOHANG may find nothing
        status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        where = self._born.pop(process)
        try:
            os.write(where, STATUS.pack(status))
        except BrokenPipeError:
            pass  # nobody asks any more
        finally:
            os.close(where)
            os.close(process)

    def _live(self, arguments: list[str], connection: int, log: int, status: int) -> None:
        """Is a worker; never returns."""
        ended = 1
        try:
            os.setsid()
            for output in (1, 2):
                os.dup2(log, output)
            self._channel.close()
            for descriptor in (log, status, *self._born, *self._born.values()):
                os.close(descriptor)
            worker.work(worker.read_arguments([str(connection), *arguments]), self._parent)
            ended = 0
        except BaseException:  # noqa: BLE001 - a fork must not run on as if it were its parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(ended)


def main() -> None:
    """Works until nobody is left to work for."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    worker.bound_memory()
    if is_initialised():
        raise SystemExit("something has called CUDA while this was loaded: workers with a GPU can't be forked from it")
    prime()
    gc.collect()
    gc.freeze()  # or looking for garbage would copy every page that is shared
    Cradle(socket.socket(fileno=int(sys.argv[1])), os.getppid()).work()


if __name__ == "__main__":
    main()
