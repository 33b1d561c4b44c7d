"""A wire between a worker and Redis that can be cut: nothing arrives any more, and nobody is told."""

import select
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Wire:
    """Forwards TCP connections to a port of this machine; a context manager."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._whole = threading.Event()
        self._whole.set()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in (self._listener, *self._sockets):
            end.close()
        self._whole.set()

    def cut(self) -> None:
        """From now on bytes stay where they are."""
        self._whole.clear()

    def mend(self) -> None:
        """They go on."""
        self._whole.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while True:
                for end in select.select([near, far], [], [], 1.0)[0]:
                    self._whole.wait()
                    data = end.recv(65536)
                    if not data:
                        near.close()
                        far.close()
                        return
                    (far if end is near else near).sendall(data)
