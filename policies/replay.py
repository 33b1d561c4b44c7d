"""The policy `replay`: sends what was sent before, from a run's folder or a file; judges old runs anew, serves tests.

An episode is looked up by problem and sample. It needs no model, and the same recording gives the same completions.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from kernelgym.chat import Completion, Message
from kernelgym.envs.submitting import SUBMIT
from kernelgym.errors import BadUsage
from kernelgym.problems import Problem
from kernelgym.runs.lines import MAX_LINE_BYTES
from kernelgym.runs.reading import iterate_episodes
from kernelgym.runs.record import Key, Loss
from policies.errors import PoliciesError, PolicyBroken
from policies.session import MAX_SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was sent in one episode."""

    completions: tuple[str, ...]
    submitted: bool = False
    """It ended because the policy wanted it to."""
    loss: Loss | None = None
    """Why it was not played to its end."""


class RecordedFailure(PoliciesError, RuntimeError):
    """The recorded policy failed at this place, and so does its replay."""


class ReplayPlayer:
    """Sends the completions of a recording in their order.

    If the episode goes on after the last one, it submits or fails where the recorded one did, and else repeats the last
    one, which has the same verdict again.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._sent = 0

    def act(self, chat: Sequence[Message]) -> Completion:
        """Returns the next completion, whatever the chat says.

        Raises:
            PolicyBroken: The recorded episode was lost here: what would have followed is not known.
            RecordedFailure: The recorded policy failed here.
        """
        completions, loss = self._recording.completions, self._recording.loss
        self._sent += 1
        if self._sent <= len(completions):
            return Completion(text=completions[self._sent - 1])
        if loss is Loss.POLICY:
            raise RecordedFailure(f"the recorded policy failed after {len(completions)} completions")
        if loss is not None:
            raise PolicyBroken(f"the recording was lost after {len(completions)} completions; record it anew")
        return Completion(text=SUBMIT if self._recording.submitted else completions[-1])


class MissingPlayer:
    """Stands in for an episode that was not recorded; the other samples of its problem can be played."""

    def __init__(self, message: str) -> None:
        self._message = message

    def act(self, chat: Sequence[Message]) -> Completion:
        """Raises PolicyBroken."""
        raise PolicyBroken(self._message)


class ReplayPolicy:
    """Replays recordings.

    Args:
        path: Folder of a run, or a file of JSON lines, each `{"problem": ..., "sample": ..., "completions": [...]}`.

    Raises:
        BadUsage: There is no such thing, or a line in it is no recording.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._recordings = read_recordings(self._path)
        self.name = f"replay:{_digest(self._recordings)}"

    def begin(self, problem: Problem, seed: int) -> ReplayPlayer | MissingPlayer:
        """Returns a player of the recording of `problem` for the sample that `seed` belongs to.

        Raises:
            BadUsage: There is none of any sample.
        """
        sample = seed % MAX_SAMPLES
        if (problem.id, sample) in self._recordings:
            return ReplayPlayer(self._recordings[problem.id, sample])
        samples = sorted(number for name, number in self._recordings if name == problem.id)
        if not samples:
            raise BadUsage(f"{self._path} holds no completions for {problem.id}; play problems that it holds")
        return MissingPlayer(
            f"{self._path} holds no completions for sample {sample} of {problem.id}, only for {len(samples)} others "
            f"(the first is {samples[0]}); play fewer --samples"
        )


def read_recordings(path: Path) -> dict[Key, Recording]:
    """Returns the recordings by problem and sample, of several the last.

    An episode without completions is one only if the policy failed before its first.

    Raises:
        BadUsage: There is no such thing, it holds no recording, or a line in it is none.
        RunFolderUnusable: The same of a run's folder.
    """
    found = _read_folder(path) if path.is_dir() else _read_file(path)
    if not any(recording.completions for recording in found.values()):
        raise BadUsage(f"{path} holds no completions; give another path")
    return {key: it for key, it in found.items() if it.completions or it.loss is Loss.POLICY}


def _read_folder(path: Path) -> dict[Key, Recording]:
    return {
        episode.key: Recording(
            completions=tuple(turn.completion for turn in episode.turns),
            submitted=episode.submitted,
            loss=episode.loss,
        )
        for episode in iterate_episodes(path)
    }


def _read_file(path: Path) -> dict[Key, Recording]:
    found: dict[Key, Recording] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
                if line.strip():
                    key, recording = _read_line(line, f"line {number} of {path}")
                    found[key] = recording
    except OSError as error:
        raise BadUsage(f"{path} can't be read ({error.strerror}); give path=DIR of a run, or of JSON lines") from error
    return found


def _read_line(line: bytes, where: str) -> tuple[Key, Recording]:
    try:
        row = _Row.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise BadUsage(f"{where} is no recording ({reason[:200]}); correct it") from None
    return (row.problem, row.sample), Recording(completions=row.completions)


class _Row(BaseModel):
    """A line of a file; further fields are passed over."""

    problem: str
    sample: Annotated[int, Field(ge=0, lt=MAX_SAMPLES, strict=True)] = 0
    completions: tuple[str, ...]


def _digest(recordings: dict[Key, Recording]) -> str:
    rows = [[*key, *it.completions, it.submitted, it.loss] for key, it in sorted(recordings.items())]
    return hashlib.sha256(json.dumps(rows).encode("ascii")).hexdigest()[:12]
