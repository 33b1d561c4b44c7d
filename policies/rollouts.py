"""Plays episodes: a policy and an evaluator in, records out, as they finish.

Each episode has a thread of its own, which waits for the policy or for the evaluator; the work is done elsewhere. What
goes wrong with one episode is recorded in it and costs the others nothing.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from kernelgym.chat import Completion, Message, Usage
from kernelgym.envs import Episode, Rules, Turn
from kernelgym.errors import BadUsage, EvaluatorBroken, KernelGymError
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from kernelgym.runs.record import EpisodeError, EpisodeRecord, Loss, TurnRecord, encodable
from policies.errors import PolicyUnavailable
from policies.policy import Player, Policy
from sandboxes.contracts import Description, clip

MAX_SAMPLES: Final = 1000
"""Most episodes per problem: seeds of different runs must not meet."""

GRACE_S: Final = 5.0
"""Time that turns in progress get to end when a rollout is abandoned."""

Key = tuple[str, int]
"""Problem and sample: which episode of a run."""

OnTurn = Callable[[Key, Turn], None]
"""Is told of every turn, in the thread of its episode."""


@dataclass(frozen=True, slots=True)
class _Job:
    problem: Problem
    sample: int


class _Abandoned(Exception):
    """Nobody waits for this episode any more."""


def rollout(
    policy: Policy,
    problems: Sequence[Problem],
    evaluator: Evaluator,
    rules: Rules,
    *,
    samples: int = 1,
    seed: int = 0,
    concurrency: int = 1,
    done: Collection[Key] = (),
    on_turn: OnTurn | None = None,
) -> Generator[EpisodeRecord]:
    """Yields the record of each episode when it has finished; starts them problem by problem.

    When it is closed, or interrupted while it waits, the episodes in progress are dropped: they end after their turn.

    Args:
        policy: Who plays.
        problems: What is played.
        evaluator: Who judges; used from several threads.
        rules: Of every episode.
        samples: Episodes per problem, at most `MAX_SAMPLES`.
        seed: Of the run; see `episode_seed`.
        concurrency: Episodes at the same time; one more than the evaluator has workers keeps these busy.
        done: Episodes to leave out.
        on_turn: Is called after every turn.

    Raises:
        BadUsage: `samples` is out of range.
        KernelGymError: The policy can't play one of the problems; before anything is evaluated.
    """
    if not 1 <= samples <= MAX_SAMPLES:
        raise BadUsage(f"samples is {samples}; give 1 to {MAX_SAMPLES}")
    jobs = [
        _Job(problem, sample) for problem in problems for sample in range(samples) if (problem.id, sample) not in done
    ]
    check_playable(policy, {job.problem.id: job.problem for job in jobs}.values(), seed)
    stop = threading.Event()
    session = _Session(
        policy=policy, evaluator=evaluator, descriptions=_Descriptions(evaluator), rules=rules, seed=seed, stop=stop,
        on_turn=on_turn,
    )  # fmt: skip
    yield from _run(session.play, jobs, concurrency, stop)


def check_playable(policy: Policy, problems: Iterable[Problem], seed: int = 0) -> None:
    """Asks `policy` for a player of each problem; plays nothing.

    Raises:
        KernelGymError: It can't play one of them.
    """
    for problem in problems:
        try:
            policy.begin(problem, episode_seed(seed, 0))
        except KernelGymError:
            raise
        except Exception as error:  # any: somebody else's code; here it would end all episodes
            raise PolicyUnavailable(
                f"the policy `{policy.name}` can't begin {problem.id} ({type(error).__name__}: {error}); correct it"
            ) from error


def episode_seed(seed: int, sample: int) -> int:
    """Returns what a player is seeded with: consecutive for the samples of a run, never the same in two runs."""
    return seed * MAX_SAMPLES + sample


def _run(
    play: Callable[[_Job], EpisodeRecord], jobs: Sequence[_Job], concurrency: int, stop: threading.Event
) -> Generator[EpisodeRecord]:
    """Yields what `play` makes of each job, in the order in which they finish; its errors are raised here."""
    waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    finished: queue.SimpleQueue[EpisodeRecord | BaseException] = queue.SimpleQueue()

    def work() -> None:
        while not stop.is_set():
            try:
                finished.put(play(waiting.get_nowait()))
            except (queue.Empty, _Abandoned):
                return
            except BaseException as error:  # noqa: BLE001 - a bug of ours: raised where it is seen
                finished.put(error)
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(concurrency, len(jobs)))]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            result = finished.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stop.set()
        deadline = time.monotonic() + GRACE_S
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))


class _Descriptions:
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
class _Session:
    """What all episodes of a rollout share."""

    policy: Policy
    evaluator: Evaluator
    descriptions: _Descriptions
    rules: Rules
    seed: int
    stop: threading.Event
    on_turn: OnTurn | None

    def play(self, job: _Job) -> EpisodeRecord:
        """Plays one episode to its end, or to the first thing that makes going on impossible.

        Raises:
            _Abandoned: The rollout was stopped.
        """
        begun = EpisodeRecord(
            problem=job.problem.id,
            sample=job.sample,
            seed=episode_seed(self.seed, job.sample),
            policy=self.policy.name,
        )
        try:
            player = self.policy.begin(job.problem, begun.seed)
        except Exception as error:  # noqa: BLE001 - whatever a policy raises ends its episode and no other
            return begun.model_copy(update={"error": _policy_error(error)})
        try:
            episode = Episode(job.problem, self.descriptions.of(job.problem), self.rules)
        except KernelGymError as error:
            return begun.model_copy(update={"error": _unplayable(error)})
        said = _Transcript()
        failure = self._converse(player, episode, begun.key, said)
        return begun.model_copy(
            update={
                "prompt": encodable(episode.prompt),
                "messages": tuple(said.messages),
                "turns": tuple(said.turns),
                "best_turn": episode.best.number if episode.best is not None else None,
                "terminated": episode.terminated,
                "submitted": episode.submitted,
                "truncated": episode.truncated,
                "error": failure,
            }
        )

    def _converse(self, player: Player, episode: Episode, key: Key, said: "_Transcript") -> EpisodeError | None:
        """Plays the turns and writes them down; returns what ended them early.

        Raises:
            _Abandoned: The rollout was stopped.
        """
        while not episode.done:
            self._go_on()
            chat = episode.chat
            try:
                completion = _completion(player.act(chat))
            except Exception as error:  # noqa: BLE001 - whatever a policy raises ends its episode and no other
                return _policy_error(error)
            try:
                turn = episode.play(completion.text, self.evaluator)
            except KernelGymError as error:
                return _unplayable(error)
            self._go_on()  # a closed evaluator's verdict says nothing
            if turn is not None:
                said.add(turn, chat, completion.usage)
                if self.on_turn is not None:
                    self.on_turn(key, turn)
        return None

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _Abandoned


class _Transcript:
    """What is kept of a conversation; a message that was shown before each of many turns is kept once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.turns: list[TurnRecord] = []
        self._known: dict[Message, int] = {}

    def add(self, turn: Turn, chat: Sequence[Message], usage: Usage | None) -> None:
        """Writes down a turn, the chat that it answered, and what that took."""
        indices = tuple(self._index(message) for message in chat)
        self.turns.append(
            TurnRecord.of(
                turn.number, turn.completion, turn.report, turn.reward, turn.observation, chat=indices, usage=usage
            )
        )

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


def _unplayable(error: KernelGymError) -> EpisodeError:
    kind = Loss.INFRASTRUCTURE if isinstance(error, EvaluatorBroken) else Loss.SKIPPED
    return EpisodeError(kind=kind, message=clip(encodable(str(error))))


def _policy_error(error: Exception) -> EpisodeError:
    return EpisodeError(kind=Loss.POLICY, message=clip(encodable(f"{type(error).__name__}: {error}")))
