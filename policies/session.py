"""One episode from its prompt to its record: what a policy said, how it was judged, and what kept it from going on.

What goes wrong with one episode is recorded in it and costs the others nothing.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from kernelgym.chat import Completion, Message, Usage
from kernelgym.envs import DataSeeds, Episode, Rules, Turn
from kernelgym.envs.episode import MAX_COMPLETION
from kernelgym.errors import EvaluatorBroken, KernelGymError
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from kernelgym.runs.record import (
    Confirmation,
    EpisodeError,
    EpisodeRecord,
    Key,
    Loss,
    TurnRecord,
    encodable,
    term_records,
)
from policies.errors import PolicyBroken
from policies.policy import Player, Policy
from sandboxes.contracts import Description, Diagnostic, Report, Stage, clip
from sandboxes.extraction import report_without_code

MAX_SAMPLES: Final = 1000
"""Most episodes per problem: seeds of different runs must not meet."""

OnTurn = Callable[[Key, TurnRecord], None]
"""Is told of every turn, in the thread of its episode."""


def episode_seed(seed: int, sample: int) -> int:
    """Returns what a player is seeded with: consecutive for the samples of a run, never the same in two runs."""
    return seed * MAX_SAMPLES + sample


@dataclass(frozen=True, slots=True)
class Job:
    """An episode to be played."""

    problem: Problem
    sample: int


class Abandoned(Exception):
    """Nobody waits for this episode any more."""


class Descriptions:
    """Descriptions of problems, each asked for once: one that takes long or fails does so for all samples together."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Description]] = {}

    def of(self, problem: Problem) -> Description:
        """Returns what the evaluator says, or raises what it raised; waits if another thread is asking."""
        with self._lock:
            first = problem.id not in self._asked
            answer = self._asked.setdefault(problem.id, Future())
        if first:
            try:
                answer.set_result(self._evaluator.describe(problem))
            except BaseException as error:  # noqa: BLE001 - handed on to everyone who waits for it
                answer.set_exception(error)
        return answer.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What all episodes of a rollout share."""

    policy: Policy
    evaluator: Evaluator
    descriptions: Descriptions
    rules: Rules
    seed: int
    data_seed: str | None
    confirm: bool
    stop: threading.Event
    on_turn: OnTurn | None

    def play(self, job: Job) -> EpisodeRecord:
        """Plays one episode to its end, or to the first thing that makes going on impossible.

        Raises:
            Abandoned: The rollout was stopped.
        """
        begun = EpisodeRecord(
            problem=job.problem.id,
            sample=job.sample,
            seed=episode_seed(self.seed, job.sample),
            policy=self.policy.name,
        )
        try:
            player = self.policy.begin(job.problem, begun.seed)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a policy raises ends its episode only
            return begun.model_copy(update={"error": self._policy_error(error, job.problem)})
        try:
            episode = Episode(job.problem, self.descriptions.of(job.problem), self.rules, self._seeds(begun.key))
        except KernelGymError as error:
            return begun.model_copy(update={"error": _unplayable(error)})
        said = Transcript()
        failure = self._converse(player, episode, begun.key, said)
        confirmation: Confirmation | None = None
        played = failure is None or failure.kind is Loss.POLICY
        if played and self.confirm and not any(turn.lost for turn in episode.turns):
            try:
                confirmation = _confirmation(episode, self.evaluator)
            except KernelGymError as error:
                failure = _unplayable(error)
            self._go_on()
        return begun.model_copy(
            update={
                "prompt": encodable(episode.prompt),
                "messages": tuple(said.messages),
                "turns": tuple(said.turns),
                "best_turn": episode.best.number if episode.best is not None else None,
                "terminated": episode.terminated,
                "submitted": episode.submitted,
                "submission": said.submission,
                "truncated": episode.truncated,
                "confirmation": confirmation,
                "error": failure,
            }
        )

    def _seeds(self, key: Key) -> DataSeeds | None:
        if self.data_seed is None:
            return None
        problem, sample = key
        return DataSeeds(secret=self.data_seed, problem=problem, sample=sample)

    def _converse(self, player: Player, episode: Episode, key: Key, said: "Transcript") -> EpisodeError | None:
        """Plays the turns and writes them down; returns what ended them early.

        Raises:
            Abandoned: The rollout was stopped.
        """
        while not episode.done:
            self._go_on()
            chat = episode.chat
            try:
                completion = _completion(player.act(chat))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a policy raises ends its episode only
                return self._policy_error(error, episode.problem, [turn.report for turn in episode.turns])
            try:
                turn = episode.play(completion.text, self.evaluator)
            except KernelGymError as error:
                return _unplayable(error)
            self._go_on()  # a closed evaluator's verdict says nothing
            if turn is None:
                said.submission = completion.model_copy(update={"text": encodable(completion.text[:MAX_COMPLETION])})
                continue
            record = said.add(turn, chat, completion.usage)
            if self.on_turn is not None:
                self.on_turn(key, record)
        return None

    def _policy_error(
        self, error: Exception | SystemExit, problem: Problem, history: Sequence[Report] = ()
    ) -> EpisodeError:
        """Returns what ends an episode; a fault of the policy's own earns what a completion without code does."""
        message = clip(encodable(f"{type(error).__name__}: {error}"))
        if isinstance(error, PolicyBroken):
            return EpisodeError(kind=Loss.INFRASTRUCTURE, message=message)
        nothing = Diagnostic(stage=Stage.EXTRACT, message="there was no completion")
        report = report_without_code(nothing, problem.id, self.rules.config)
        return EpisodeError(kind=Loss.POLICY, message=message, reward=self.rules.scorer(report, history).value)

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise Abandoned


class Transcript:
    """What is kept of a conversation; a message that was shown before each of many turns is kept once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.turns: list[TurnRecord] = []
        self.submission: Completion | None = None
        self._known: dict[Message, int] = {}

    def add(self, turn: Turn, chat: Sequence[Message], usage: Usage | None) -> TurnRecord:
        """Writes down a turn, the chat that it answered, and what that took."""
        indices = tuple(self._index(message) for message in chat)
        record = TurnRecord.of(
            turn.number, turn.completion, turn.report, turn.reward, turn.observation, chat=indices, usage=usage
        )
        self.turns.append(record)
        return record

    def _index(self, message: Message) -> int:
        if message not in self._known:
            self._known[message] = len(self.messages)
            self.messages.append(message.model_copy(update={"content": encodable(message.content)}))
        return self._known[message]


def _completion(answer: object) -> Completion:
    if isinstance(answer, str):
        return Completion(text=answer)
    if isinstance(answer, Completion):
        return answer
    raise TypeError(f"the policy returned {type(answer).__name__} instead of text or a Completion")


def _confirmation(episode: Episode, evaluator: Evaluator) -> Confirmation | None:
    """Returns the best turn evaluated again; None if no turn was correct.

    Raises:
        KernelGymError: What the evaluator raises.
    """
    confirmed = episode.confirm(evaluator)
    best = episode.best
    if confirmed is None or best is None:
        return None
    report, reward = confirmed
    return Confirmation(turn=best.number, report=report, reward=reward.value, breakdown=term_records(reward))


def _unplayable(error: KernelGymError) -> EpisodeError:
    kind = Loss.INFRASTRUCTURE if isinstance(error, EvaluatorBroken) else Loss.SKIPPED
    return EpisodeError(kind=kind, message=clip(encodable(str(error))))
