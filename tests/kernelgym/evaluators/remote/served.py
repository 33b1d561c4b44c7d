"""The real server over whatever engine a test has."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.server import HttpServer
from kernelgym.serving.http.tokens import TokenFile


@contextmanager
def served(engine: Engine, *, tokens: TokenFile | None = None, port: int = 0) -> Iterator[str]:
    """Yields the address at which the API answers."""
    with HttpServer(engine, tokens=tokens, port=port) as server:
        yield server.url
