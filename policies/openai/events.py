"""Server-sent events: from pieces of bytes, cut anywhere, to the data of each event."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator


async def read_events(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the data of each event, lines joined by line feeds.

    Comments, event names and ids are passed over; an event that the stream ends in the middle of is dropped, as the
    standard (WHATWG HTML, 9.2) says. Lines end with a line feed, with or without a carriage return.
    """
    data: list[bytes] = []
    first = True
    async for line in _read_lines(pieces):
        if first:
            line, first = line.removeprefix(BOM_UTF8), False
        if not line:
            if data:
                yield b"\n".join(data)
                data = []
        elif line == b"data" or line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


async def _read_lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields whole lines without their ends; time is linear in the length of the stream, however it is cut."""
    begun = bytearray()
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for end in whole:
            begun += end
            yield bytes(begun).removesuffix(b"\r")
            begun.clear()
        begun += rest
