"""A server over a socket, in a thread: the real application over whatever engine a test has."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from kernelgym.serving.engine import Engine
from kernelgym.serving.http.access import Access
from kernelgym.serving.http.app import create_app
from kernelgym.serving.http.catalogue import Catalogue


@contextmanager
def served(
    engine: Engine, *, access: Access | None = None, catalogue: Catalogue | None = None, port: int = 0
) -> Iterator[str]:
    """Yields the address at which the API answers."""
    app = create_app(engine, access=access, catalogue=catalogue)
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
