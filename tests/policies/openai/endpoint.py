"""An HTTP server on a real socket of this machine that answers, or misbehaves, as a test says."""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

HANG = 3600.0
"""As a piece of an answer: say nothing more."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the server was sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class Endpoint:
    """Gives one answer per request, in order, the last one again and again; remembers the requests.

    A context manager. Every connection serves one request.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.open = 0
        """Requests that are being answered."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _work(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            request = Request(head[0].split()[1], headers, body)
            self.requests.append(request)
            answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
            gone = asyncio.ensure_future(reader.read())  # ends when the client hangs up
            answering = asyncio.ensure_future(answer(request, writer))
            await asyncio.wait({gone, answering}, return_when=asyncio.FIRST_COMPLETED)
            for task in (gone, answering):
                task.cancel()
            await asyncio.gather(gone, answering, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


def send(*pieces: bytes | float, status: int = 200, kind: str | None = "text/event-stream", **headers: str) -> Answer:
    """An answer in pieces; a number is a pause of so many seconds. Ends with the connection."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", "Connection: close"]
        lines += [] if kind is None else [f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await deliver(writer, "\r\n".join([*lines, "", ""]).encode("latin-1"), *pieces)

    return answer


def raw(*pieces: bytes | float) -> Answer:
    """An answer without a head, or with whatever `pieces` say."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await deliver(writer, *pieces)

    return answer


async def deliver(writer: asyncio.StreamWriter, *pieces: bytes | float) -> None:
    for piece in pieces:
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
        else:
            await asyncio.sleep(piece)


async def reset(request: Request, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection with a reset."""
    raw_socket = writer.get_extra_info("socket")
    raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def endless(piece: bytes) -> Answer:
    """A stream that repeats `piece` without end."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await deliver(writer, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            await deliver(writer, piece)

    return answer


def fail(status: int, body: object = None, **headers: str) -> Answer:
    """An error with a JSON body."""
    return send(json.dumps(body or {"error": {"message": "no"}}).encode(), status=status, kind="application/json",
                **headers)  # fmt: skip


def event(chunk: object) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def says(text: str | None, finish: str | None = None, **delta: object) -> bytes:
    """An event with a piece of text."""
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}
    return event({"id": "1", "model": "served", "choices": [choice]})


def used(prompt: object = 7, completion: object = 5) -> bytes:
    """The event with the counts."""
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


DONE = b"data: [DONE]\n\n"


def good(text: str = "Hello", finish: str = "stop") -> Answer:
    """A stream as it should be."""
    return send(says(text), says(None, finish), used(), DONE)


def whole(text: str | None = "Hello", **message: object) -> Answer:
    """A body as it should be, without streaming."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    body = {"model": "served", "choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}
    return send(json.dumps(body).encode(), kind="application/json")


def answers(text: str | None) -> Answer:
    """A body with everything that OpenAI's own client wants to find in it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "served",
        "choices": [choice],
        "usage": usage,
    }
    return send(json.dumps(body).encode(), kind="application/json")


def wait_until(true: Callable[[], bool]) -> None:
    """Returns when `true()` is; fails if that takes long."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
