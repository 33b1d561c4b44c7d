"""What goes from the process that traced a candidate to the one that replays it: one sandbox's answer, and its job.

Whoever reads it believes no more than this: it is complete, it is about this submission, reference and configuration,
and it was made by the same versions of the judge. The answer inside is the candidate's own, hostile data, and validated
as such. A bundle that breaks these promises is a fault of whatever carried it and says nothing about the candidate. The
checksum finds damage, not forgery: who may write to the broker is trusted.
"""

import struct
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Final

from pydantic import Field, ValidationError

from sandboxes.contracts import Contract, EvalConfig, Reference, Submission
from sandboxes.errors import BrokenBundle
from sandboxes.journal import versions

MAX_BUNDLE_BYTES: Final = 32 * 2**20
"""Longest bundle that is carried; what is longer is replayed where it was traced."""

MAGIC: Final = b"KGYM1"
_MAX_HEADER_BYTES: Final = 64 * 2**10
_START: Final = struct.Struct(f">{len(MAGIC)}s32sI")


class Bundle(Contract):
    """The header: everything but the answer."""

    job: str
    """Digest of the submission, the reference and the configuration."""
    versions: dict[str, str]
    """Of the judge that traced it."""
    sandbox: Annotated[str, Field(max_length=2000)]
    """Where it was traced, in words."""
    timings_s: dict[str, float]
    """Wall time of the stages so far."""


def job_digest(submission: Submission, reference: Reference, config: EvalConfig) -> str:
    """Returns a name for one evaluation: 64 hexadecimal digits."""
    parts = (submission.digest, reference.id, reference.digest, config.model_dump_json())
    return sha256("\n".join(parts).encode("utf-8", errors="surrogatepass")).hexdigest()


def pack(bundle: Bundle, answer: bytes) -> bytes:
    """Returns a bundle as bytes: start mark, SHA-256 of all that follows it, header length, header, answer."""
    header = bundle.model_dump_json().encode()
    rest = b"".join((struct.pack(">I", len(header)), header, answer))
    return b"".join((MAGIC, sha256(rest).digest(), rest))


def unpack(raw: bytes, job: str) -> tuple[Bundle, bytes]:
    """Reads a bundle.

    Args:
        raw: What arrived.
        job: Digest of the job it arrived with.

    Returns:
        The header, and the sandbox's answer: the candidate's data, not looked at.

    Raises:
        BrokenBundle: It is too long, truncated, damaged, of another job, or of another version.
    """
    if len(raw) > MAX_BUNDLE_BYTES:
        raise BrokenBundle(f"a bundle of {len(raw)} bytes arrived; {MAX_BUNDLE_BYTES} are allowed")
    if len(raw) < _START.size:
        raise BrokenBundle(f"a bundle of {len(raw)} bytes arrived, too few for its start; trace the candidate again")
    magic, checksum, size = _START.unpack_from(raw)
    if magic != MAGIC:
        raise BrokenBundle("what arrived is no bundle, or one of another version; trace the candidate again")
    if sha256(memoryview(raw)[len(MAGIC) + 32 :]).digest() != checksum:
        raise BrokenBundle(f"a bundle of {len(raw)} bytes arrived damaged or truncated; trace the candidate again")
    if size > min(_MAX_HEADER_BYTES, len(raw) - _START.size):
        raise BrokenBundle(f"a bundle's header claims {size} bytes; trace the candidate again")
    try:
        bundle = Bundle.model_validate_json(raw[_START.size : _START.size + size])
    except ValidationError as error:
        raise BrokenBundle(f"a bundle's header is invalid ({error.error_count()} errors)") from None
    if bundle.job != job:
        raise BrokenBundle(f"a bundle of job {bundle.job[:12]} arrived for job {job[:12]}; trace the candidate again")
    if _decisive(bundle.versions) != _decisive(versions()):
        theirs, ours = (
            " ".join(f"{name} {number}" for name, number in it.items()) for it in (bundle.versions, versions())
        )
        raise BrokenBundle(f"a bundle was traced by {theirs}, this is {ours}; give both workers the same versions")
    return bundle, raw[_START.size + size :]


def _decisive(found: Mapping[str, str]) -> dict[str, str]:
    """Returns the versions that have to be equal: of Python not the last number, in which images differ.

    Nor how a wheel was built (torch 2.13.0+cpu, +cu130): who traces has no GPU, and who measures has one.
    """
    numbers = {name: number.partition("+")[0] for name, number in found.items()}
    return {**numbers, "python": ".".join(numbers.get("python", "").split(".")[:2])}
