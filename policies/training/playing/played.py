"""Episodes as a trainer sees them: token ids exactly as they were sampled, and which of them are whose.

An episode is one row of a batch: the prompt, then turn by turn what the policy sampled and what the environment
answered. Actions are never decoded and tokenised again: other tokens may spell the same text, and the policy did not
choose those.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from kernelgym.chat import Message
from sandboxes.contracts import Report


class Ending(StrEnum):
    """Why no further turn was played."""

    FINISHED = "finished"
    """The environment ended the episode: its last turn, its target speedup, or a `SUBMIT`."""
    BUDGET = "budget"
    """The next turn had no room in the token budget or in the model's context."""
    LOST = "lost"
    """A turn was lost to a fault of the infrastructure: nothing of the episode is learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedTurn:
    """One action and its verdict."""

    reward: float | None
    """None: the evaluation was lost."""
    report: Report | None
    """None: there is none, as the evaluator raised or the action was a bare `SUBMIT`."""
    start: int
    """First token of the action in `PlayedEpisode.completion_ids`."""
    stop: int
    """The one behind its last; equal to `start` if the model sampled nothing."""
    stopped: bool
    """True if the model ended the action itself; False: it was cut off at its limit of tokens."""
    text: str
    evaluation_s: float
    """Wall time from handing the action out to its verdict, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedEpisode:
    """One rollout; a row of the batch. The four sequences beside `prompt_ids` have one member per completion token.

    Raises:
        ValueError: The parts do not fit together; a bug, as it would train on the wrong tokens.
    """

    problem: str
    """Id of the problem."""
    seed: int
    """Of the sampling."""
    temperature: float
    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    """Actions and the environment's answers between them; never empty, never ends in an answer."""
    env_mask: tuple[int, ...]
    """1: sampled by the policy; 0: the environment's, or an end of turn put in after an action that was cut off."""
    turn_ids: tuple[int, ...]
    """Index into `turns` where `env_mask` is 1, -1 elsewhere."""
    logprobs: tuple[float, ...]
    """Of the sampled tokens, under the distribution that they were drawn from (natural logarithm); 0 elsewhere."""
    turns: tuple[PlayedTurn, ...]
    """In the order of play, at least one."""
    ending: Ending
    messages: tuple[Message, ...]
    """The conversation, with the last action but without the feedback on it."""
    fault: str | None = None
    """By what it was lost; None if it was not, or nobody said."""

    def __post_init__(self) -> None:
        lengths = {len(self.completion_ids), len(self.env_mask), len(self.turn_ids), len(self.logprobs)}
        if len(lengths) != 1 or not self.completion_ids or not self.turns:
            raise ValueError(f"the episode on {self.problem} has parts of the lengths {sorted(lengths)}")
        expected = [-1] * len(self.completion_ids)
        for index, turn in enumerate(self.turns):
            expected[turn.start : turn.stop] = [index] * (turn.stop - turn.start)
        if tuple(expected) != self.turn_ids or self.env_mask != tuple(int(index >= 0) for index in expected):
            raise ValueError(f"the masks of the episode on {self.problem} are not those of its turns")

    @property
    def lost(self) -> bool:
        """True if an evaluation was lost: returns would lack a reward, so no turn is learned from or compared with."""
        return self.ending is Ending.LOST or any(turn.reward is None for turn in self.turns)

    @property
    def rewards(self) -> tuple[float | None, ...]:
        """One per turn."""
        return tuple(turn.reward for turn in self.turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRequest:
    """One rollout to be played."""

    problem: str
    """Id of the problem."""
    seed: int
    """Decides every token: the same seed, model and feedback, the same actions, whatever else is in the batch."""
    temperature: float = 1.0

    @classmethod
    def of(
        cls,
        problem: str,
        *,
        run: int,
        step: int,
        group: int,
        rollout: int,
        attempt: int = 0,
        temperature: float = 1.0,
    ) -> Self:
        """Returns the request for one place of a batch; no two places of a training share a seed.

        Args:
            problem: Id of the problem.
            run: Seed of the training.
            step: Generation batch, counted from 0.
            group: Which of the batch's prompts, over all processes.
            rollout: Which of the group's.
            attempt: How often the group was drawn anew before.
            temperature: Of the sampling.
        """
        key = json.dumps([run, step, group, rollout, attempt]).encode()
        seed = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1
        return cls(problem=problem, seed=seed, temperature=temperature)


def fault_of(report: Report | None) -> str | None:
    """Returns what the report of a lost turn says of the reason; None: nothing."""
    if report is None:
        return None
    return report.diagnostics[0].message if report.diagnostics else f"outcome {report.outcome}"
