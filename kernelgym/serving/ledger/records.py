"""Answers and tasks as bytes that can be trusted: who reads half a record, or one with a flipped bit, notices."""

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from kernelgym.evaluators.messages import Described, Finished, Inspected, Refusal, Refused
from kernelgym.serving.jobs import MAX_ATTEMPTS, Answer, Verdict
from kernelgym.serving.routing import Station
from kernelgym.serving.telemetry.durations import counted_stages
from sandboxes.contracts import Outcome

DIGEST_BYTES: Final = 16
FASTEST: Final = 1
"""Level of zlib: reports shrink to a fifth in a fraction of a millisecond."""
LARGE_BYTES: Final = 2**18
"""From here on it is tensors of a bundle, which do not shrink, and is not compressed."""

ANSWER: Final[TypeAdapter[Answer]] = TypeAdapter(Answer)


def pack(content: bytes) -> bytes:
    """Returns a record: content, compressed if that helps, behind its digest."""
    body = zlib.compress(content, FASTEST if len(content) < LARGE_BYTES else 0)
    return sha256(body).digest()[:DIGEST_BYTES] + body


def unpack(record: bytes) -> bytes | None:
    """Returns the content of a record; None if it is not as `pack` made it."""
    digest, body = record[:DIGEST_BYTES], record[DIGEST_BYTES:]
    if sha256(body).digest()[:DIGEST_BYTES] != digest:
        return None
    try:
        return zlib.decompress(body)
    except zlib.error:
        return None


def record_of(value: BaseModel) -> bytes:
    """Returns the record of an answer or a task."""
    return pack(value.model_dump_json().encode())


def answer_of(record: bytes) -> Answer | None:
    """Returns the answer of a record; None if that is damaged, or of a version whose answers we can't read."""
    content = unpack(record)
    if content is None:
        return None
    try:
        return ANSWER.validate_json(content)
    except ValidationError:
        return None


def is_answer(answer: Answer) -> bool:
    """False if an answer says nothing but that we failed: somebody new gets another try."""
    match answer:
        case Refused(why=why):
            return why is not Refusal.INFRASTRUCTURE
        case Finished(report=report):
            return report.outcome is not Outcome.INFRASTRUCTURE
        case Described() | Inspected():
            return True


@dataclass(frozen=True, slots=True)
class Line:
    """What a verdict's line says of the answer itself."""

    outcome: str
    speedup: float | None


def line_of(answer: Answer) -> Line:
    """Returns what the list of verdicts shows of an answer."""
    match answer:
        case Finished(report=report):
            return Line(str(report.outcome), report.speedup)
        case _:
            return Line(answer.kind, None)


def stages_of(answer: Answer) -> dict[str, float]:
    """Returns how long each stage of an evaluation took, for the histograms."""
    return counted_stages(answer.report.timings_s) if isinstance(answer, Finished) else {}


def quarantine(station: Station) -> Refused:
    """Returns the answer to a job that ended its workers again and again."""
    return Refused(
        why=Refusal.INFRASTRUCTURE,
        message=f"{MAX_ATTEMPTS} workers were lost while they worked on this at the station {station}; it is not tried "
        "again for now, and the workers' logs say how they ended",
    )


def timings_text(timings_s: Mapping[str, float]) -> str:
    """Returns timings as one line of JSON, of which a ledger puts several below one another; finite ones only."""
    return json.dumps({name: float(value) for name, value in timings_s.items() if isfinite(value)})


def timings_of(text: str) -> dict[str, float]:
    """Returns all timings of several lines; a stage that is in two counts twice."""
    timings: dict[str, float] = {}
    for line in filter(None, text.split("\n")):
        with suppress(ValueError, AttributeError, TypeError):  # damaged: a job is worth more than its timings
            for name, value in json.loads(line).items():
                timings[name] = timings.get(name, 0.0) + float(value)
    return timings


def verdict_of(line: bytes) -> Verdict | None:
    """Returns a line of the list of verdicts as the scripts write it; None if it can't be read."""
    try:
        fields = json.loads(line)
        work_s = sum(timings_of(fields.pop("timings")).values())
        fields["speedup"] = float(fields["speedup"]) if fields["speedup"] else None
        return Verdict(work_s=work_s, at=float(fields.pop("at")), total_s=float(fields.pop("total_s")), **fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
