"""What goes into the sandbox and what comes out of it, as bytes.

The answer is a JSON header followed by one safetensors blob per module that was built with data. Whoever reads it
believes nothing: sizes are checked before anything is parsed, and nothing is ever unpickled.
"""

import struct
from typing import Annotated

from pydantic import FailFast, Field, ValidationError

from sandboxes.contracts import Case, Contract, Submission, Target, Trace, TraceFailure

MAX_HEADER_BYTES = 32 * 2**20
MAX_TRACES = 64
MAX_TIMINGS = 100

ModuleKey = tuple[int, int]
"""`Case.module` and the weight seed that it was built under."""


class TraceRequest(Contract):
    """Everything the sandbox is told: no data, no reference, no seed of the inputs."""

    submission: Submission
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    weight_seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    """The first is used for all cases; the others for the first case."""
    target: Target


class TraceAnswer(Contract):
    """The header: traces, or the reason why there are none."""

    traces: Annotated[tuple[Trace, ...], FailFast(), Field(max_length=MAX_TRACES)] = ()
    failure: TraceFailure | None = None
    blob_modules: Annotated[tuple[ModuleKey, ...], FailFast(), Field(max_length=MAX_TRACES)] = ()
    """Which module's constants each blob holds."""
    blob_bytes: Annotated[tuple[int, ...], FailFast(), Field(max_length=MAX_TRACES)] = ()
    timings_s: dict[str, float] = Field(default_factory=dict, max_length=MAX_TIMINGS)
    """For display only."""


class MalformedAnswer(ValueError):
    """The bytes from the sandbox are not what a well-behaved tracer sends."""


def encode_answer(answer: TraceAnswer, blobs: list[bytes]) -> bytes:
    """Returns the answer as bytes: header length (8 bytes, big endian), header, blobs."""
    header = answer.model_dump_json().encode()
    return b"".join([struct.pack(">Q", len(header)), header, *blobs])


def decode_answer(raw: bytes) -> tuple[TraceAnswer, dict[ModuleKey, bytes]]:
    """Parses what a sandbox sent.

    Returns:
        The header, and the safetensors blob of each module (not parsed yet).

    Raises:
        MalformedAnswer: It is truncated, too long or not what it claims to be.
    """
    if len(raw) < 8:
        raise MalformedAnswer(f"the answer has {len(raw)} bytes, too few for a header")
    (size,) = struct.unpack_from(">Q", raw)
    if size > min(MAX_HEADER_BYTES, len(raw) - 8):
        raise MalformedAnswer(
            f"the header claims {size} bytes; the answer has {len(raw)}, the limit is {MAX_HEADER_BYTES}"
        )
    try:
        answer = TraceAnswer.model_validate_json(raw[8 : 8 + size])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise MalformedAnswer(f"the header is invalid at {where[:200]}: {first['msg'][:300]}") from None
    if (answer.failure is None) == (not answer.traces):
        raise MalformedAnswer("the answer must hold either traces or a failure")
    if len(answer.blob_modules) != len(answer.blob_bytes) or any(length < 0 for length in answer.blob_bytes):
        raise MalformedAnswer("the blobs' modules and sizes don't match")
    if 8 + size + sum(answer.blob_bytes) != len(raw):
        raise MalformedAnswer(
            f"the answer has {len(raw)} bytes, its header promises {8 + size + sum(answer.blob_bytes)}"
        )
    blobs: dict[ModuleKey, bytes] = {}
    start = 8 + size
    for module, length in zip(answer.blob_modules, answer.blob_bytes, strict=True):
        blobs[module] = raw[start : start + length]
        start += length
    return answer, blobs
