"""A client that calls an application without a socket, one event loop a request, like many threads of a program."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from fastapi import FastAPI


class AppClient:
    """Sends requests to an application and returns whole answers.

    Args:
        app: What answers.
        headers: Of every request.
    """

    def __init__(self, app: FastAPI, **headers: str) -> None:
        self.app = app
        self._headers = headers
        self._thread = ThreadPoolExecutor(1)  # a test's own thread may have an event loop of somebody else's

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=self._headers
            ) as client:  # fmt: skip
                return await client.request(method, path, **options)

        return self._thread.submit(lambda: asyncio.run(send())).result()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)
