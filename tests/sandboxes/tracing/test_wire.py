"""Whatever bytes a sandbox sends: a valid answer or `MalformedAnswer`, quickly, and nothing else."""

import json
import struct
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.contracts import Trace, TraceFailure
from sandboxes.tracing.wire import MAX_HEADER_BYTES, MalformedAnswer, TraceAnswer, decode_answer, encode_answer
from tests.tracer import spec

EMPTY = Trace(case="small", weight_seed=1, values=(), inputs=(), constants=(), nodes=(), output=None)
FAILURE = TraceFailure(outcome="untraceable", message="no")


def packed(header: bytes, *blobs: bytes) -> bytes:
    """An answer with any header."""
    return struct.pack(">Q", len(header)) + header + b"".join(blobs)


def header(**fields: Any) -> bytes:
    """A header that is valid but for these fields."""
    return json.dumps({"traces": [json.loads(EMPTY.model_dump_json())]} | fields).encode()


def test_an_answer_survives_the_wire() -> None:
    answer = TraceAnswer(traces=(EMPTY,), blob_modules=((0, 1), (0, 31)), blob_bytes=(3, 0))
    assert decode_answer(encode_answer(answer, [b"abc", b""])) == (answer, {(0, 1): b"abc", (0, 31): b""})
    failed = TraceAnswer(failure=FAILURE)
    assert decode_answer(encode_answer(failed, [])) == (failed, {})


def test_every_truncation_is_noticed() -> None:
    whole = encode_answer(TraceAnswer(traces=(EMPTY,), blob_modules=((0, 1),), blob_bytes=(3,)), [b"abc"])
    for length in range(len(whole)):
        with pytest.raises(MalformedAnswer):
            decode_answer(whole[:length])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        struct.pack(">Q", 2**64 - 1) + b"{}",
        struct.pack(">Q", MAX_HEADER_BYTES + 1) + b"{}",
        struct.pack(">q", -1) + b"{}",
        packed(b""),
        packed(b"null"),
        packed(b"[]"),
        packed(b'"text"'),
        packed(b"{"),
        packed(b"\xff\xfe"),
        packed(b'{"failure": null}'),
        packed(b"[" * 1_000_000),
        packed(b'{"traces":' * 1_000_000),
        packed(b'{"timings_s": {"a": ' + b"9" * 100_000 + b"}}"),
        packed(header(unknown=1)),
        packed(header(failure=json.loads(FAILURE.model_dump_json()))),
        packed(header(traces=[])),
        packed(header(traces=[json.loads(EMPTY.model_dump_json())] * 65)),
        packed(header(blob_modules=[[0, 1]])),
        packed(header(blob_modules=[[0, 1]], blob_bytes=[5])),
        packed(header(blob_modules=[[0, 1]], blob_bytes=[-1])),
        packed(header(blob_modules=[[0, 1], [0, 2]], blob_bytes=[-5, 5]), b""),
        packed(header(blob_modules=[[0, 1]], blob_bytes=[10**30]), b"abc"),
        packed(header(blob_modules=[[0, 1]], blob_bytes=[True])[:-1] + b"}", b"ab"),
        packed(header(), b"left over"),
        packed(header(blob_modules=[[0, seed] for seed in range(65)], blob_bytes=[0] * 65)),
        packed(header(timings_s={str(number): 0.0 for number in range(101)})),
        packed(header(failure={"outcome": "infrastructure", "message": "score me later"}, traces=[])),
        packed(header(failure={"outcome": "trace_error", "message": "x" * 5000}, traces=[])),
        packed(header(failure={"outcome": "trace_error", "message": "", "line": 0}, traces=[])),
    ],
    ids=str,
)
def test_what_no_tracer_sends_is_malformed(raw: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(MalformedAnswer) as caught:
        decode_answer(raw)
    assert len(str(caught.value)) < 1000
    assert time.perf_counter() - start < 5


def launching(argument: dict[str, Any]) -> dict[str, Any]:
    """A launch with one argument."""
    variant = {"config": "", "ttir": "", "grid": [1, 1, 1], "args": [argument], "num_warps": 1, "num_stages": 1}
    return {"kind": "launch", "kernel": "k", "variants": [variant]}


DESCRIPTOR: dict[str, Any] = {
    "kind": "descriptor", "base": {"kind": "ref", "id": 0}, "shape": [1], "strides": [1], "block_shape": [1],
}  # fmt: skip


def nested(depth: int) -> bytes:
    """A header whose output is a tuple in a tuple in a tuple ..."""
    inner = b'{"kind":"tuple","items":[' * depth + b"null" + b"]}" * depth
    return header().replace(b'"output": null', b'"output": ' + inner)


def test_nesting_without_end_is_malformed_and_a_little_is_fine() -> None:
    assert decode_answer(packed(nested(20)))[0].traces[0].case == "small"
    for depth in (1_000, 100_000):
        with pytest.raises(MalformedAnswer):
            decode_answer(packed(nested(depth)))


@pytest.mark.parametrize(
    "fields",
    [
        {"values": [{"shape": [-1], "dtype": "float32", "stride": [1]}]},
        {"values": [{"shape": [2], "dtype": "float32", "stride": []}]},
        {"values": [{"shape": [2], "dtype": "object", "stride": [1]}]},
        {"output": {"kind": "ref", "id": 3}},
        {"output": {"kind": "pickle", "data": ""}},
        {"nodes": [{"kind": "python", "code": ""}]},
        {"nodes": [{"kind": "aten", "operator": "aten::add", "args": [], "kwargs": {}, "results": []}]},
        {"constants": [{"value": 0, "key": "", "role": "parameter"}]},
        {"nodes": [launching(DESCRIPTOR | {"shape": [1] * 17})]},
        {"nodes": [launching(DESCRIPTOR | {"strides": [0] * 10**6})]},
        {"constants": [{"value": 5, "key": "a", "role": "parameter"}]},
        {"schema_version": 2},
        {"weight_seed": -1},
        {"case": "x" * 121},
    ],
)
def test_a_trace_that_is_none_is_malformed(fields: dict[str, Any]) -> None:
    trace = json.loads(EMPTY.model_dump_json()) | fields
    with pytest.raises(MalformedAnswer, match="header is invalid"):
        decode_answer(packed(header(traces=[trace])))


@given(raw=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_garbage_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        decode_answer(raw)


WHOLE = encode_answer(
    TraceAnswer(traces=(EMPTY.model_copy(update={"values": (spec(4),)}),), blob_modules=((0, 1),), blob_bytes=(8,)),
    [b"01234567"],
)


@given(position=st.integers(min_value=0, max_value=len(WHOLE) - 1), byte=st.integers(min_value=0, max_value=255))
@settings(max_examples=300, deadline=None)
def test_one_flipped_byte_gives_an_answer_or_malformed_answer(position: int, byte: int) -> None:
    try:
        answer, blobs = decode_answer(WHOLE[:position] + bytes([byte]) + WHOLE[position + 1 :])
    except MalformedAnswer:
        return
    assert answer.traces
    assert sum(map(len, blobs.values())) == 8
