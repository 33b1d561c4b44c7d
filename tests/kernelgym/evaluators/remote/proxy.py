"""A network between a client and a server that a test can break."""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum, auto
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets the connection."""


class Weather(Enum):
    """What the network does."""

    FAIR = auto()
    REFUSES = auto()
    """No connection is accepted, and those there are end."""
    STALLS = auto()
    """Nothing arrives any more, and nobody is told."""
    RESETS = auto()
    """Connections are reset in the middle."""
    CUTS = auto()
    """Each answer ends after its first 100 bytes."""
    SLOW = auto()
    """A few bytes at a time."""


class Proxy:
    """Forwards connections to a server; a context manager.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._weather = Weather.FAIR
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def become(self, weather: Weather) -> None:
        """Changes the weather, also of connections that there are."""
        before, self._weather = self._weather, weather
        if weather is Weather.REFUSES:
            _shut(self._listening)
        if before is Weather.REFUSES and weather is not Weather.REFUSES:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()
        if weather in (Weather.REFUSES, Weather.RESETS):
            self._end_all()

    def close(self) -> None:
        """Ends everything."""
        self._closed = True
        _shut(self._listening)
        self._end_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end_all(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                _reset(end)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                return
            server.settimeout(None)
            with self._lock:
                self._pairs.add((client, server))
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while piece := source.recv(4096):
                while self._weather is Weather.STALLS and not self._closed:
                    time.sleep(0.005)
                if self._weather is Weather.RESETS:
                    break
                if self._weather is Weather.CUTS and answers:
                    sink.sendall(piece[:100])
                    break
                if self._weather is not Weather.SLOW:
                    sink.sendall(piece)
                    continue
                for start in range(0, len(piece), 64):
                    sink.sendall(piece[start : start + 64])
                    time.sleep(0.001)
        except OSError:
            pass
        for end in (source, sink):
            _reset(end) if self._weather is Weather.RESETS else _shut(end)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    _shut(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
