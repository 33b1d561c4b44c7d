"""Streams of bytes and JSON of any shape: cut anywhere, they say the same; nothing in them is an error of ours."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.chat import Completion
from policies.openai.draft import Draft, StreamedError
from policies.openai.errors import Transient
from policies.openai.events import read_events
from policies.openai.failures import read_failure
from policies.openai.secret import Secret

LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data", b": comment", b"event: x", b"", b"\xff", b"data:  c", b"nonsense"]
)
FIELDS = [
    "choices",
    "delta",
    "message",
    "content",
    "refusal",
    "usage",
    "model",
    "error",
    "code",
    "index",
    "finish_reason",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)


def events(*pieces: bytes) -> list[bytes]:
    async def feed() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def collect() -> list[bytes]:
        return [data async for data in read_events(feed())]

    return asyncio.run(collect())


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 5))
def test_events_do_not_depend_on_where_the_stream_is_cut(lines: list[bytes], end: bytes, size: int) -> None:
    stream = end.join(lines) + end
    assert events(stream) == events(*(stream[at : at + size] for at in range(0, len(stream), size)))


def test_an_event_ends_with_an_empty_line_and_one_that_does_not_is_dropped() -> None:
    assert events(b"data: a\ndata:b\n\n\ndata: c\n") == [b"a\nb"]


def test_time_is_linear_in_the_length_of_a_line() -> None:
    def seconds(pieces: int) -> float:
        began = time.perf_counter()
        events(*[b"data"] * pieces)
        return time.perf_counter() - began

    assert seconds(400_000) < 40 * max(seconds(40_000), 0.005)  # squared, it would be 100 times as long


@settings(deadline=None)
@given(st.lists(JSON, max_size=4))
def test_chunks_of_any_shape_are_a_completion_or_an_error_that_we_know(chunks: list[object]) -> None:
    draft = Draft()
    with contextlib.suppress(Transient, StreamedError):
        for chunk in chunks:
            draft.add(json.dumps(chunk).encode())
        Completion(text=draft.text())


@settings(deadline=None)
@given(
    st.integers(200, 599),
    JSON | st.binary(),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text()),
)
def test_errors_of_any_shape_are_one_printable_line(status: int, body: object, headers: dict[str, str]) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    secret = Secret("sk-0123456789abcdef")
    error = read_failure(status, headers, data, secret=secret, where="http://x/v1", key_name="OPENAI_API_KEY")
    assert str(error).isprintable()
    assert len(str(error)) < 1000
