"""Plays episodes: a policy and an evaluator in, records out, as they finish.

Each episode has a thread of its own, which waits for the policy or for the evaluator; the work is done elsewhere. What
goes wrong with one episode is recorded in it and costs the others nothing.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import Final

from kernelgym.envs import Rules
from kernelgym.envs.styles import PRESETS
from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from kernelgym.runs.record import EpisodeRecord, Key
from policies.errors import PolicyUnavailable
from policies.policy import Policy
from policies.session import MAX_SAMPLES, Abandoned, Descriptions, Job, OnTurn, Session, episode_seed

GRACE_S: Final = 5.0
"""Time that turns in progress get to end when a rollout is abandoned."""

STOP_CHECK_S: Final = 0.2
"""How often a finished episode that nobody takes looks whether the rollout was abandoned."""


def rollout(
    policy: Policy,
    problems: Sequence[Problem],
    evaluator: Evaluator,
    rules: Rules,
    *,
    samples: int = 1,
    seed: int = 0,
    data_seed: str | None = None,
    confirm: bool = False,
    concurrency: int = 1,
    done: Collection[Key] = (),
    on_turn: OnTurn | None = None,
    on_end: Callable[[], None] | None = None,
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
        data_seed: What the seeds of all input values are derived from; None: every evaluation draws a secret one.
        confirm: Evaluate the best turn of each episode once more, on values of its own.
        concurrency: Episodes at the same time; one more than the evaluator has workers keeps these busy.
        done: Episodes to leave out.
        on_turn: Is called after every turn.
        on_end: Is called when no further turn is to be played, before those in progress are waited for: closes a policy
            whose players may be waiting for answers.

    Raises:
        BadUsage: `samples` is out of range.
        KernelGymError: The policy can't read this style of feedback, or can't play one of the problems; before anything
            is evaluated.
    """
    if not 1 <= samples <= MAX_SAMPLES:
        raise BadUsage(f"samples is {samples}; give 1 to {MAX_SAMPLES}")
    jobs = [
        Job(problem, sample) for problem in problems for sample in range(samples) if (problem.id, sample) not in done
    ]
    check_readable(policy, rules.style)
    check_playable(policy, {job.problem.id: job.problem for job in jobs}.values(), seed)
    stop = threading.Event()
    session = Session(
        policy=policy, evaluator=evaluator, descriptions=Descriptions(evaluator), rules=rules, seed=seed,
        data_seed=data_seed, confirm=confirm, stop=stop, on_turn=on_turn,
    )  # fmt: skip
    yield from _run(session.play, jobs, concurrency, stop, on_end)


def check_readable(policy: Policy, style: str) -> None:
    """Checks that `policy` can read the feedback of a preset; a folder of templates may hold anything, and passes.

    Raises:
        BadUsage: It can't.
    """
    readable = getattr(policy, "styles", None)
    if readable is not None and style in PRESETS and style not in readable:
        raise BadUsage(
            f"the policy `{policy.name}` reads feedback of --style {' or '.join(readable)} only; "
            f"give that instead of {style}, or another --policy"
        )


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
        except (Exception, SystemExit) as error:  # any: somebody else's code; here it would end all episodes
            raise PolicyUnavailable(
                f"the policy `{policy.name}` can't begin {problem.id} ({type(error).__name__}: {error}); correct it"
            ) from error


def _run(
    play: Callable[[Job], EpisodeRecord],
    jobs: Sequence[Job],
    concurrency: int,
    stop: threading.Event,
    on_end: Callable[[], None] | None,
) -> Generator[EpisodeRecord]:
    """Yields what `play` makes of each job, in the order in which they finish; its errors are raised here."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    workers = min(concurrency, len(jobs))
    finished: queue.Queue[EpisodeRecord | BaseException] = queue.Queue(maxsize=2 * workers)

    def work() -> None:
        while not stop.is_set():
            try:
                _hand_over(play(waiting.get_nowait()), finished, stop)
            except (queue.Empty, Abandoned):
                return
            except BaseException as error:  # noqa: BLE001 - a bug of ours: raised where it is seen
                _hand_over(error, finished, stop)
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
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
        if on_end is not None:
            on_end()
        deadline = time.monotonic() + GRACE_S
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))


def _hand_over(
    result: EpisodeRecord | BaseException, finished: queue.Queue[EpisodeRecord | BaseException], stop: threading.Event
) -> None:
    """Waits until whoever keeps records has room for one, so that they do not pile up; not if nobody waits for it."""
    while not stop.is_set():
        try:
            finished.put(result, timeout=STOP_CHECK_S)
        except queue.Full:
            continue
        return
