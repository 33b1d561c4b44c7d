"""A TCP proxy between client and server whose wire can be cut."""

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

CHUNK_BYTES: Final = 2**16


class Proxy:
    """Listens on a port of its own, in a thread; hands connections on to the servers in turn.

    Args:
        ports: Of the servers on this machine. One that does not answer is passed over.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._turn = 0
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)
        self._started = threading.Event()
        self.port = 0
        self.connections = 0
        self._thread.start()
        self._started.wait()

    def cut(self) -> int:
        """Ends all connections at once and refuses new ones; returns how many it ended."""
        return asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(10)

    def mend(self) -> None:
        """Lets connections through again."""
        self._cut = False

    def close(self) -> None:
        """Ends everything; calling it again does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=4096))
        self.port = int(server.sockets[0].getsockname()[1])
        self._started.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(self._end_all())
            self._loop.close()

    async def _end_all(self) -> int:
        self._cut = True
        ended = len(self._open) // 2
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)
        return ended

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = None if self._cut else await self._connect()
        if server is None:
            writer.transport.abort()
            return
        self.connections += 1
        ends = {writer, server[1]}
        self._open |= ends
        try:
            await asyncio.gather(_copy(reader, server[1]), _copy(server[0], writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._ports:
            self._turn = (self._turn + 1) % len(self._ports)
            try:
                return await asyncio.open_connection("127.0.0.1", self._ports[self._turn])
            except OSError:
                continue
        return None


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copies until the source ends, then ends the sink; a connection that breaks ends both."""
    try:
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
    except (ConnectionError, OSError):
        sink.transport.abort()
