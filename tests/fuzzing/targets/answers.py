"""What a sandbox sends: the frame, the traces in it, the constants beside them, as verification reads them."""

import json
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rewards.hacks import gate
from sandboxes.budget import check_budget
from sandboxes.compilation import CompileFailure
from sandboxes.contracts import Case, EvalConfig, Submission, Trace
from sandboxes.faults import Fault
from sandboxes.hardware.targets import get_target
from sandboxes.isolation import SandboxResult, SandboxStatus
from sandboxes.operators import OperatorNotAllowed
from sandboxes.programs import check_launches, raise_if_failed, verify
from sandboxes.replay import MalformedTrace
from sandboxes.tracing.service import read_answer
from sandboxes.tracing.wire import decode_answer
from sandboxes.ttir import TTIRError
from tests.agreement.choices import Choices
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.documents import changed_document
from tests.fuzzing.target import Target

SEEDS = Path(__file__).parents[1] / "seeds"
SUBMISSION = Submission(source="import torch\n" * 100)
CONFIG = EvalConfig()
TARGET = get_target(CONFIG.target)
DOCUMENTED = (Fault, TTIRError, OperatorNotAllowed, MalformedTrace, CompileFailure)


@cache
def _answers() -> tuple[tuple[Any, bytes, tuple[Case, ...], dict[str, Trace]], ...]:
    """Answers of honest candidates: header, blobs, cases, and for each case a graph to compare with."""
    found = []
    for path in sorted(SEEDS.glob("*.answer")):
        raw = path.read_bytes()
        (size,) = struct.unpack_from(">Q", raw)
        cases = json.loads(path.with_suffix(".cases.json").read_text())
        answer, _ = decode_answer(raw)
        graphs = {trace.case: trace for trace in answer.traces}
        found.append((json.loads(raw[8 : 8 + size]), raw[8 + size :], tuple(map(Case.model_validate, cases)), graphs))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sandbox sent for cases."""

    payload: bytes
    cases: tuple[Case, ...]
    graphs: dict[str, Trace]
    """By case, instead of the reference's."""

    def __len__(self) -> int:
        return len(self.payload)


def make(data: bytes) -> Sent:
    """An honest answer after a few changes."""
    choices = decided_by(data)
    header, blobs, cases, graphs = choices.pick(_answers())
    payload = data if choices.chance(2) else framed(changed_document(header, choices), blobs, choices)
    return Sent(payload, cases, graphs)


def read(sent: Sent) -> None:
    """Reads and verifies an answer."""
    cases = sent.cases
    result = SandboxResult(status=SandboxStatus.COMPLETED, payload=sent.payload)
    traced = read_answer(result, cases, CONFIG)
    try:
        raise_if_failed(traced, SUBMISSION)
        programs, _ = verify(traced, cases, CONFIG.weight_seeds[0], SUBMISSION, gate, sent.graphs)
        check_budget(programs, sent.graphs[cases[0].name], SUBMISSION)
        check_launches(programs, TARGET)
    except DOCUMENTED as error:
        str(error)


def framed(header: bytes, blobs: bytes, choices: Choices) -> bytes:
    """An answer of a header and blobs; now and then the length lies or bytes of the blobs differ."""
    size = (
        len(header) if choices.chance(97) else choices.pick((0, 1, len(header) - 1, len(header) + 1, 2**63, 2**64 - 1))
    )
    if blobs and choices.chance(20):
        changed = bytearray(blobs)
        for _ in range(choices.integer(1, 4)):
            place = choices.integer(0, min(len(changed) - 1, choices.pick((20, 300, 10**6))))
            changed[place] = choices.integer(0, 255)
        blobs = bytes(changed)
    return struct.pack(">Q", size) + header + blobs


ANSWERS = Target(
    name="answers",
    about="bytes from the sandbox: frame, traces, constants, dataflow, gate",
    make=make,
    read=read,
    seconds=2.0,
    seconds_per_mib=20.0,
)
