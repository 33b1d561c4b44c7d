"""A bundle arrives as it was sent, for the job it was made for, or not at all."""

import platform
import struct
from hashlib import sha256

import pytest

from sandboxes.bundle import MAGIC, MAX_BUNDLE_BYTES, Bundle, job_digest, pack, unpack
from sandboxes.contracts import EvalConfig, Reference, Submission
from sandboxes.errors import BrokenBundle
from sandboxes.journal import versions

JOB = job_digest(Submission(source="x"), Reference(id="core/softmax", source="y"), EvalConfig())
HEADER = Bundle(job=JOB, versions=versions(), sandbox="bubblewrap", timings_s={"trace": 0.5})


def sealed(rest: bytes) -> bytes:
    return MAGIC + sha256(rest).digest() + rest


def test_what_is_packed_arrives() -> None:
    assert unpack(pack(HEADER, b"answer"), JOB) == (HEADER, b"answer")


def test_no_byte_can_change_unnoticed() -> None:
    sound = pack(HEADER, b"answer")
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1
        with pytest.raises(BrokenBundle):
            unpack(bytes(damaged), JOB)
    for length in range(len(sound)):
        with pytest.raises(BrokenBundle):
            unpack(sound[:length], JOB)


def test_the_job_is_the_submission_the_reference_and_the_whole_configuration() -> None:
    submission, reference = Submission(source="x"), Reference(id="core/softmax", source="y")
    others = {
        job_digest(Submission(source="z"), reference, EvalConfig()),
        job_digest(submission, Reference(id="core/other", source="y"), EvalConfig()),
        job_digest(submission, Reference(id="core/softmax", source="z"), EvalConfig()),
        job_digest(submission, reference, EvalConfig(seed=1)),
        job_digest(submission, reference, EvalConfig(repeat=1)),
    }
    assert len(others | {JOB}) == 6
    for other in others:
        with pytest.raises(BrokenBundle, match="arrived for job"):
            unpack(pack(HEADER, b"answer"), other)


def test_a_bundle_of_another_version_is_named_as_such() -> None:
    old = HEADER.model_copy(update={"versions": versions() | {"triton": "3.0.0"}})
    with pytest.raises(BrokenBundle, match=r"triton 3\.0\.0.*same versions"):
        unpack(pack(old, b"answer"), JOB)


def test_the_last_number_of_python_and_the_build_of_a_wheel_may_differ_as_they_do_between_images() -> None:
    major, minor, _ = platform.python_version_tuple()
    other = HEADER.model_copy(update={"versions": versions() | {"python": f"{major}.{minor}.99"}})
    assert unpack(pack(other, b"answer"), JOB) == (other, b"answer")
    wheel = HEADER.model_copy(update={"versions": versions() | {"torch": versions()["torch"].split("+")[0] + "+cu999"}})
    assert unpack(pack(wheel, b"answer"), JOB) == (wheel, b"answer")
    foreign = HEADER.model_copy(update={"versions": versions() | {"python": f"{major}.{int(minor) + 1}.0"}})
    with pytest.raises(BrokenBundle, match="same versions"):
        unpack(pack(foreign, b"answer"), JOB)


def test_what_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(BrokenBundle, match="are allowed"):
        unpack(bytes(MAX_BUNDLE_BYTES + 1), JOB)


@pytest.mark.parametrize(
    "rest",
    [
        struct.pack(">I", 2**31) + b"{}",
        struct.pack(">I", 2) + b"{}answer",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 9) + b'{"job":1}',
        struct.pack(">I", 0),
    ],
)
def test_a_header_that_nobody_writes_is_refused(rest: bytes) -> None:
    with pytest.raises(BrokenBundle):
        unpack(sealed(rest), JOB)
