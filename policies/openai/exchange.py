"""One request and its answer, or the reason why there is none."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Final

import httpx

from policies.errors import PoliciesError
from policies.openai.draft import Draft, StreamedError
from policies.openai.errors import AnswerTooLong, Refused, Transient
from policies.openai.events import read_events
from policies.openai.failures import read_failure
from policies.openai.options import OpenAIOptions
from policies.openai.secret import Secret

MAX_ERROR_BYTES: Final = 2**16
"""How much of an error's body is read."""

DONE: Final = b"[DONE]"


class Exchange:
    """Makes requests to one endpoint. Redirects are not followed: they would take the key elsewhere.

    Args:
        options: Of the policy.
        secret: The key.
    """

    def __init__(self, options: OpenAIOptions, secret: Secret) -> None:
        self._options = options
        self._secret = secret
        self._url = f"{options.base_url}/chat/completions"
        self._silence_s = options.chunk_timeout_s if options.stream else options.timeout_s
        self._http = httpx.AsyncClient(
            verify=_certificates(),
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity", **secret.headers},
            timeout=httpx.Timeout(self._silence_s, connect=options.connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=options.concurrency),
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def attempt(self, body: bytes, limit_s: float) -> Draft:
        """Returns the answer to one request.

        Raises:
            Transient: It failed, and may not fail again.
            PoliciesError: It failed for good.
        """
        draft = Draft()
        try:
            async with asyncio.timeout(limit_s):
                await self._exchange(body, draft)
        except (TimeoutError, httpx.TransportError) as error:
            if not draft.complete:  # else only the usage is missing
                raise Transient(self._describe(error, limit_s)) from error
        except StreamedError as error:
            raise self._failure(error.status, {}, json.dumps(error.body).encode()) from None
        return draft

    async def _exchange(self, body: bytes, draft: Draft) -> None:
        """Sends the request and reads the answer into `draft`."""
        async with self._http.stream("POST", self._url, content=body) as response:
            if response.status_code != httpx.codes.OK:
                raise self._failure(response.status_code, response.headers, await _beginning(response))
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Refused(f"{self._url} compresses its answers, which it was not asked to; ask another endpoint")
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            pieces = self._bounded(response)
            if kind == "text/event-stream":
                await _read_stream(pieces, draft)
            elif kind == "application/json":
                draft.add(b"".join([piece async for piece in pieces]))
            else:
                shown = self._secret.quote(kind) or "something without a type"
                raise Transient(f"{self._url} answered with {shown} instead of JSON or events; check base_url")

    async def _bounded(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Yields the body as it arrives.

        Raises:
            AnswerTooLong: It is longer than an answer may be.
        """
        left = self._options.max_response_mib * 2**20
        async for piece in response.aiter_raw():
            left -= len(piece)
            if left < 0:
                raise AnswerTooLong(
                    f"{self._url} sent more than {self._options.max_response_mib:g} MiB in one answer; "
                    "give max_tokens, or raise max_response_mib"
                )
            yield piece

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PoliciesError:
        name = self._options.api_key_env
        return read_failure(status, headers, body, secret=self._secret, where=self._url, key_name=name)

    def _describe(self, error: Exception, limit_s: float) -> str:
        match error:
            case httpx.ConnectTimeout():
                return f"no connection to {self._url} within {self._options.connect_timeout_s:g} s"
            case httpx.TimeoutException():
                return f"{self._url} was silent for {self._silence_s:g} s"
            case TimeoutError():
                return f"{self._url} did not finish within {limit_s:.3g} s"
        return f"{self._url}: {type(error).__name__} ({self._secret.quote(str(error)) or 'no details'})"


@cache
def _certificates() -> ssl.SSLContext:
    """Returns whom to trust; made once, since reading all certificates takes longer than a short answer."""
    return httpx.create_ssl_context()


async def _read_stream(pieces: AsyncIterator[bytes], draft: Draft) -> None:
    """Reads a stream to its end.

    Raises:
        Transient: It ends before the answer does, or is no stream of chat completions.
    """
    async for data in read_events(pieces):
        if data == DONE:
            break
        draft.add(data)
    else:
        if not draft.complete:
            raise Transient("the stream ended before the answer did")
    if not draft.complete and not draft.text():
        raise Transient("the stream is over without a text and without a reason")


async def _beginning(response: httpx.Response) -> bytes:
    """Returns the first bytes of an error's body, or as many as arrive: its status says what matters."""
    found = bytearray()
    try:
        async for piece in response.aiter_raw():
            found += piece
            if len(found) >= MAX_ERROR_BYTES:
                break
    except httpx.TransportError:
        pass
    return bytes(found[:MAX_ERROR_BYTES])
