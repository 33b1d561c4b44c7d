"""Plays episodes: a policy and an evaluator in, records out, as they finish.

Each episode has a thread of its own, which waits for the policy or for the evaluator; the work is done elsewhere. What
goes wrong with one episode is recorded in it and costs the others nothing.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kernelgym.envs import Episode, Rules, Turn
from kernelgym.envs.record import EpisodeError, EpisodeRecord, Loss, TurnRecord, encodable
from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from policies.policy import Player, Policy

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
    for problem in {job.problem.id: job.problem for job in jobs}.values():
        policy.begin(problem, episode_seed(seed, 0))
    stop = threading.Event()
    play = partial(_play, policy=policy, evaluator=evaluator, rules=rules, seed=seed, stop=stop, on_turn=on_turn)
    yield from _run(play, jobs, concurrency, stop)


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


def _play(
    job: _Job,
    *,
    policy: Policy,
    evaluator: Evaluator,
    rules: Rules,
    seed: int,
    stop: threading.Event,
    on_turn: OnTurn | None,
) -> EpisodeRecord:
    """Plays one episode to its end, or to the first thing that makes going on impossible.

    Raises:
        _Abandoned: The rollout was stopped.
    """
    begun = EpisodeRecord(
        problem=job.problem.id, sample=job.sample, seed=episode_seed(seed, job.sample), policy=policy.name
    )
    try:
        player = policy.begin(job.problem, begun.seed)
    except Exception as error:  # noqa: BLE001 - whatever a policy raises ends its episode and no other
        return begun.model_copy(update={"error": _policy_error(error)})
    try:
        episode = Episode(job.problem, evaluator.describe(job.problem), rules)
    except KernelGymError as error:
        return begun.model_copy(update={"error": EpisodeError(kind=Loss.SKIPPED, message=encodable(str(error)))})
    failure = _converse(player, episode, evaluator, stop, partial(on_turn, begun.key) if on_turn else None)
    return begun.model_copy(
        update={
            "prompt": encodable(episode.prompt),
            "turns": tuple(record_turn(turn) for turn in episode.turns),
            "best_turn": episode.best.number if episode.best is not None else None,
            "terminated": episode.terminated,
            "truncated": episode.truncated,
            "error": failure,
        }
    )


def _converse(
    player: Player,
    episode: Episode,
    evaluator: Evaluator,
    stop: threading.Event,
    on_turn: Callable[[Turn], None] | None,
) -> EpisodeError | None:
    """Plays the turns; returns what ended them early.

    Raises:
        _Abandoned: The rollout was stopped.
    """
    observation = episode.prompt
    while not episode.done:
        if stop.is_set():
            raise _Abandoned
        try:
            completion = player.act(observation)
            if not isinstance(completion, str):
                raise TypeError(f"the policy returned {type(completion).__name__} instead of text")
        except Exception as error:  # noqa: BLE001 - whatever a policy raises ends its episode and no other
            return _policy_error(error)
        try:
            turn = episode.play(completion, evaluator)
        except KernelGymError as error:
            return EpisodeError(kind=Loss.SKIPPED, message=encodable(str(error)))
        if stop.is_set():
            raise _Abandoned  # the evaluator may have been closed under it: its verdict can't be trusted
        observation = turn.observation
        if on_turn is not None:
            on_turn(turn)
    return None


def record_turn(turn: Turn) -> TurnRecord:
    """Returns what is kept of a turn."""
    return TurnRecord.of(turn.number, turn.completion, turn.report, turn.reward, turn.observation)


def _policy_error(error: Exception) -> EpisodeError:
    return EpisodeError(kind=Loss.POLICY, message=encodable(f"{type(error).__name__}: {error}"))
