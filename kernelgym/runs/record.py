"""What is kept of episodes: plain data, enough to learn from, to score again and to continue a run.

A line of `episodes.jsonl` is one `EpisodeRecord`.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from kernelgym.chat import Completion, Message, Role, Usage
from rewards import Reward
from sandboxes.contracts import Contract, EvalConfig, Outcome, Report

RECORD_VERSION: Final = 1
"""Version of the records; it grows when an older one can't be read any more."""

Key = tuple[str, int]
"""Problem and sample: which episode of a run."""

Index = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

_ANY_CONFIG: Final = EvalConfig()


class TermRecord(Contract):
    """One summand of a reward."""

    name: str
    value: Finite
    note: str


class TurnRecord(Contract):
    """One completion, how it was judged, and what the policy was told."""

    number: Number
    """Counted from 1."""
    completion: str
    report: Report
    reward: Finite | None
    """None: the evaluation was lost; leave the turn out of every baseline and loss."""
    breakdown: tuple[TermRecord, ...] = ()
    observation: str
    """The feedback that followed."""
    chat: tuple[Index, ...] = ()
    """What the policy was shown: indices into `EpisodeRecord.messages`. Empty in records of earlier versions."""
    usage: Usage | None = None
    """What the completion took."""

    @classmethod
    def of(
        cls,
        number: int,
        completion: str,
        report: Report,
        reward: Reward,
        observation: str,
        *,
        chat: tuple[int, ...] = (),
        usage: Usage | None = None,
    ) -> Self:
        """Returns the record of a turn; characters that UTF-8 can't encode are written as escapes."""
        return cls(
            number=number, completion=encodable(completion), report=report, reward=reward.value,
            breakdown=term_records(reward), observation=encodable(observation), chat=chat, usage=usage,
        )  # fmt: skip

    def numbers(self) -> Self:
        """Returns the turn without texts and without the details of its profile."""
        report = _without_details(self.report)
        bare = {"completion": "", "observation": "", "chat": (), "breakdown": (), "report": report}
        return self.model_copy(update=bare)


class Confirmation(Contract):
    """The best turn's candidate, evaluated once more on data of its own.

    The best of several noisy evaluations is flattered by its noise; this one took no part in the choice.
    """

    turn: Number
    """Which turn was chosen."""
    report: Report
    reward: Finite | None
    """None: the evaluation was lost."""
    breakdown: tuple[TermRecord, ...] = ()

    def numbers(self) -> Self:
        """Returns it without the details of its profile."""
        return self.model_copy(update={"breakdown": (), "report": _without_details(self.report)})


class Loss(StrEnum):
    """Why an episode was not played to its end."""

    SKIPPED = "skipped"
    """The problem can't be used, e.g. its reference can't be scaled down."""
    POLICY = "policy"
    """The policy raised, or returned something that is no text: a failure of its own, which counts in every rate."""
    INFRASTRUCTURE = "infrastructure"
    """A fault of the machine took a turn or the look at the problem before it, or a fault of its server the policy."""


class EpisodeError(Contract):
    """What kept an episode from being played to its end."""

    kind: Loss
    message: str
    reward: Finite | None = None
    """Of the policy's own error: what the run's reward pays, at that point, for a completion without code."""


class EpisodeRecord(Contract):
    """One attempt at a problem, from the prompt to the end of its last turn."""

    schema_version: Literal[1] = RECORD_VERSION
    problem: str
    """Id of the problem."""
    sample: Index
    """Which of the run's attempts at this problem, from 0."""
    seed: Index
    """What the policy was seeded with."""
    policy: str
    prompt: str = ""
    """The first observation; empty if the problem was skipped."""
    messages: tuple[Message, ...] = ()
    """All that the policy was shown, each message once; `TurnRecord.chat` says which of them, in order."""
    turns: tuple[TurnRecord, ...] = ()
    best_turn: Number | None = None
    """Number of the turn with the highest reward (`Episode.best`); None if no turn has one."""
    terminated: bool = False
    """The turns were used up, or the target speedup was reached."""
    submitted: bool = False
    """The policy ended it by submitting."""
    submission: Completion | None = None
    """What it answered to submit, if that was no turn: there was no code in it."""
    truncated: bool = False
    """Its last turn was lost."""
    confirmation: Confirmation | None = None
    """The best turn on fresh data; None if that was not asked for, or there is no correct one."""
    error: EpisodeError | None = None

    @property
    def key(self) -> Key:
        """What tells an episode from the others of its run."""
        return self.problem, self.sample

    @property
    def best(self) -> TurnRecord | None:
        """The best turn."""
        return None if self.best_turn is None else self.turns[self.best_turn - 1]

    def chat(self, number: int) -> tuple[Message, ...]:
        """Returns what the policy was shown before turn `number`, counted from 1; ends with a user's message."""
        indices = self.turns[number - 1].chat
        if indices:
            return tuple(self.messages[index] for index in indices)
        said = [Message(role=Role.USER, content=self.prompt)]  # in records of earlier versions, all turns were shown
        for turn in self.turns[: number - 1]:
            said.append(Message(role=Role.ASSISTANT, content=turn.completion))
            said.append(Message(role=Role.USER, content=turn.observation))
        return tuple(said)

    def numbers(self) -> Self:
        """Returns what metrics need and little else, to be kept in memory: no texts, no settings, no profile's nodes.

        It is no record to be written: a reader would miss what is gone.
        """
        return self.model_copy(
            update={
                "prompt": "",
                "messages": (),
                "submission": None if self.submission is None else self.submission.model_copy(update={"text": ""}),
                "turns": tuple(turn.numbers() for turn in self.turns),
                "confirmation": None if self.confirmation is None else self.confirmation.numbers(),
            }
        )

    @property
    def forfeit(self) -> float:
        """What each turn is worth that an error of the policy left unplayed; 0 in records of earlier versions."""
        return 0.0 if self.error is None or self.error.reward is None else self.error.reward

    @property
    def loss(self) -> Loss | None:
        """Why the episode was not played to its end; None if it was."""
        if any(turn.report.outcome is Outcome.INFRASTRUCTURE for turn in self.turns):
            return Loss.INFRASTRUCTURE
        if self.error is not None:
            return self.error.kind
        return None if self.turns else Loss.INFRASTRUCTURE

    @model_validator(mode="after")
    def _turns_are_numbered(self) -> Self:
        if [turn.number for turn in self.turns] != list(range(1, len(self.turns) + 1)):
            raise ValueError("turns must be numbered from 1 without a gap")
        if self.best_turn is not None and self.best_turn > len(self.turns):
            raise ValueError(f"best_turn is {self.best_turn}, but there are {len(self.turns)} turns")
        if any(index >= len(self.messages) for turn in self.turns for index in turn.chat):
            raise ValueError(f"a turn's chat names a message beyond the {len(self.messages)} that there are")
        return self


def _without_details(report: Report) -> Report:
    profile = None if report.profile is None else report.profile.model_copy(update={"nodes": ()})
    diagnostics = tuple(
        diagnostic.model_copy(update={"message": "", "excerpt": None, "hint": None})
        for diagnostic in report.diagnostics
    )
    return report.model_copy(
        update={
            "profile": profile, "diagnostics": diagnostics, "cases": report.cases[:1], "config": _ANY_CONFIG,
            "timings_s": {}, "versions": {},
        }
    )  # fmt: skip


def term_records(reward: Reward) -> tuple[TermRecord, ...]:
    """Returns the terms of a reward as they are kept."""
    return tuple(TermRecord(name=term.name, value=term.value, note=term.note) for term in reward.breakdown)


def encodable(text: str) -> str:
    """Returns `text` with lone surrogates, which no file can hold, as escapes such as `\\udcff`."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")
