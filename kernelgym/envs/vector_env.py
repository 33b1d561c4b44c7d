"""Many episodes at a time on one shared evaluator: what `gymnasium.make_vec` makes.

Evaluating happens in the evaluator's worker processes, so threads are all that is needed here to keep these busy. No
episode begins by itself: for a conversation, a step that is swallowed by a reset would be a lost completion.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from kernelgym.envs.answer import Answer, answer_of
from kernelgym.envs.arena import MAX_OBSERVATION, Arena
from kernelgym.envs.episode import MAX_COMPLETION, Episode
from kernelgym.envs.flights import Flights
from kernelgym.envs.info import info_of_reset
from kernelgym.envs.options import Options, checked_reset_options
from kernelgym.envs.rules import Rules
from kernelgym.envs.spaces import UnicodeText
from kernelgym.envs.turn import Turn
from kernelgym.errors import BadUsage, EpisodeOver
from kernelgym.problems import Problem

Step = tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
"""Observations, rewards, terminations, truncations, infos."""


@dataclass(slots=True)
class _Seat:
    """One sub-environment."""

    generator: np.random.Generator
    """Draws its problems."""
    episode: Episode | None = None
    observation: str = ""
    over: bool = False
    """True from the end of an episode to the next reset."""
    interrupted: bool = False
    """True if a turn may be played on without us."""


class KernelVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], NDArray[Any]]):
    """`num_envs` independent episodes; a step plays one turn of each, in parallel.

    `send` and `receive` play single turns instead, so that nobody waits for the slowest. One thread calls all of this.

    A sub-environment in which something raises is truncated, with reward 0.0, `info["infrastructure"]` and
    `info["error"]`; the others keep their results.

    Args:
        num_envs: Episodes at a time.
        workers: Worker processes of an evaluator of its own; None means "as the settings say".
        max_episode_steps: Turns after which an episode that has not ended is truncated.
        options: The fields of `Options`.

    Raises:
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.DISABLED, "render_modes": []}  # noqa: RUF012 - Gymnasium's

    def __init__(
        self, num_envs: int = 1, *, workers: int | None = None, max_episode_steps: int | None = None, **options: Any
    ) -> None:
        self.closed = True  # until everything is there: the base class closes whatever is deleted
        if num_envs < 1:
            raise BadUsage(f"num_envs is {num_envs}; it must be at least 1")
        self.num_envs = num_envs
        self.single_action_space = UnicodeText(MAX_COMPLETION)
        self.single_observation_space = UnicodeText(MAX_OBSERVATION)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._max_steps = max_episode_steps
        self._arena = Arena(Options(**options), workers)
        self._seats = [_Seat(seeding.np_random()[0]) for _ in range(num_envs)]
        self._pool = ThreadPoolExecutor(max_workers=num_envs, thread_name_prefix="kernelgym-env")
        self._flights = Flights(self._pool)
        self.closed = False

    @property
    def rules(self) -> Rules:
        """Of all episodes."""
        return self._arena.rules

    def problem(self, id: str) -> Problem:
        """Returns the problem that episodes are about where `options["problem"]` is this.

        Args:
            id: Of one of the selection, or what `get_problem` reads.

        Raises:
            KernelGymError: There is none; names the closest ids. Or it can't be loaded.
        """
        return self._arena.find(id)

    @property
    def in_flight(self) -> tuple[int, ...]:
        """Sub-environments that were sent an action whose answer was not received yet."""
        return self._flights.open

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Begins new episodes and returns the tasks; if anything raises, the old ones go on.

        Args:
            seed: An integer stands for `[seed, seed + 1, ...]`; None leaves a generator as it is.
            options: `problem` is one id, or one for each sub-environment; `reset_mask`, an array of booleans, says
                which begin anew (all without it). The others keep their observation; if none of it is true, all do.

        Raises:
            BadUsage: The seeds or options don't fit `num_envs`, there is no such option, or a sub-environment that
                is to begin anew is in flight.
            KernelGymError: A problem that is asked for does not exist or can't be described, or none can.
        """
        given = checked_reset_options(options, ("problem", "reset_mask"))
        chosen = np.flatnonzero(self._mask(given.get("reset_mask"))).tolist()
        if flying := sorted(set(chosen) & set(self.in_flight)):
            raise BadUsage(
                f"sub-environment {flying[0]} is in flight; receive() its answer before you reset it, or leave it out "
                "by options['reset_mask']"
            )
        seeds = self._seeds(seed)
        wanted = self._wanted(given.get("problem"))
        for index in chosen:
            if seeds[index] is not None:
                self._seats[index].generator = seeding.np_random(seeds[index])[0]
        _ = self._arena.evaluator  # started here, not by several threads
        generators = [self._seats[index].generator for index in chosen]
        episodes = list(self._pool.map(self._arena.begin, generators, [wanted[index] for index in chosen]))
        infos: dict[str, Any] = {}
        for index, episode in zip(chosen, episodes, strict=True):
            seat = self._seats[index]
            seat.episode, seat.observation = episode, episode.prompt
            seat.over = seat.interrupted = False
            infos = self._add_info(infos, info_of_reset(episode), index)
        return tuple(seat.observation for seat in self._seats), infos

    def step(self, actions: Sequence[str]) -> Step:
        """Plays one turn of every episode and waits for all.

        Args:
            actions: One completion for each sub-environment: a list, tuple or array of strings.

        Raises:
            ResetNeeded: A sub-environment has not begun, or was interrupted.
            EpisodeOver: A sub-environment has ended; `reset` it with `reset_mask`.
            BadUsage: The actions are not `num_envs` strings, or a sub-environment is in flight.
        """
        if flying := self.in_flight:
            raise BadUsage(f"sub-environments are in flight: {list(flying)}; receive() their answers first")
        completions = self._completions(actions)
        episodes = [self._ready(index) for index in range(self.num_envs)]
        evaluator = self._arena.evaluator
        begun = time.monotonic()
        futures = [
            self._pool.submit(episode.play, completion, evaluator)
            for episode, completion in zip(episodes, completions, strict=True)
        ]
        try:
            played = [_result(future) for future in futures]
        except BaseException:  # interrupted: turns may be played on without us, so nothing is known any more
            for seat, future in zip(self._seats, futures, strict=True):
                future.cancel()
                seat.interrupted = True
            raise
        rewards = np.zeros(self.num_envs)
        terminations, truncations = np.zeros((2, self.num_envs), dtype=np.bool_)
        infos: dict[str, Any] = {}
        for index, turn in enumerate(played):
            answer = self._answer(index, turn, time.monotonic() - begun)
            rewards[index] = answer.reward or 0.0
            terminations[index], truncations[index] = answer.terminated, answer.truncated
            infos = self._add_info(
                infos, {key: value for key, value in answer.info.items() if value is not None}, index
            )
        return tuple(seat.observation for seat in self._seats), rewards, terminations, truncations, infos

    def send(self, index: int, action: str) -> None:
        """Starts a turn of one sub-environment and does not wait for it; `receive` gives what it comes to.

        Others may be sent actions, or begin anew by `reset` with `reset_mask`, while it is in flight.

        Args:
            index: Of the sub-environment.
            action: A completion.

        Raises:
            BadUsage: There is no such sub-environment, it is in flight, or the action is no string.
            ResetNeeded: It has not begun, or was interrupted.
            EpisodeOver: It has ended; `reset` it with `reset_mask`.
        """
        if not 0 <= index < self.num_envs:
            raise BadUsage(f"there is no sub-environment {index}; give a number from 0 to {self.num_envs - 1}")
        if not isinstance(action, str):
            raise BadUsage(f"the action is of type {type(action).__name__}; it must be a string")
        if index in self.in_flight:
            raise BadUsage(f"sub-environment {index} is in flight; receive() its answer before you send it an action")
        episode = self._ready(index)
        self._flights.start(index, partial(episode.play, str(action), self._arena.evaluator))

    def receive(self, timeout: float | None = None) -> Answer:
        """Returns the answer of the sub-environment in flight that finished first, and waits for it.

        Where something raised, the answer is truncated, with `info["infrastructure"]` and `info["error"]`, as in
        `step`; but its reward, as that of every lost evaluation, is None.

        Args:
            timeout: Longest wait, seconds; 0 takes only what is there, None waits for ever.

        Raises:
            BadUsage: Nothing is in flight.
            TimeoutError: Nothing finished in time; all is in flight as before.
        """
        if not self.in_flight:
            raise BadUsage("nothing is in flight; send() an action first")
        landing = self._flights.next(timeout)
        try:
            played = _result(landing.future)
        except BaseException:  # meant to end the program, as in `step`
            self._seats[landing.index].interrupted = True
            raise
        return self._answer(landing.index, played, landing.elapsed_s)

    def give_up(self) -> None:
        """Forgets all turns in flight: their sub-environments have to be reset, and nobody hears what they came to.

        For a caller that has failed or was interrupted between `send` and `receive`. Evaluations that have begun are
        finished in the background.
        """
        for index in self._flights.give_up():
            self._seats[index].interrupted = True

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads and the environment's own evaluator."""
        self._arena.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, index: int, played: Turn | Exception | None, elapsed_s: float) -> Answer:
        """Returns what a turn comes to, and notes it in its seat."""
        seat = self._seats[index]
        assert seat.episode is not None  # it has just been played
        answer = answer_of(index, seat.episode, played, self._max_steps, elapsed_s)
        seat.observation, seat.over = answer.observation, answer.terminated or answer.truncated
        return answer

    def _ready(self, index: int) -> Episode:
        seat = self._seats[index]
        if seat.episode is None:
            raise gym.error.ResetNeeded(f"sub-environment {index} has no episode; call reset() before step()")
        if seat.interrupted:
            where = f"the episode of sub-environment {index} ({seat.episode.problem.id})"
            raise gym.error.ResetNeeded(f"{where} was interrupted; reset it to begin anew")
        if seat.over:
            where = f"the episode of sub-environment {index} ({seat.episode.problem.id})"
            raise EpisodeOver(where, len(seat.episode.turns))
        return seat.episode

    def _completions(self, actions: object) -> list[str]:
        if isinstance(actions, str):
            raise BadUsage(f"actions is one string; give a list of {self.num_envs}, one for each sub-environment")
        if not isinstance(actions, Sequence | np.ndarray) or len(actions) != self.num_envs:
            raise BadUsage(f"actions must be a list, tuple or array of {self.num_envs} strings")
        for index, action in enumerate(actions):
            if not isinstance(action, str):
                raise BadUsage(f"action {index} is of type {type(action).__name__}; it must be a string")
        return [str(action) for action in actions]

    def _mask(self, mask: object) -> NDArray[np.bool_]:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        array = np.asarray(mask)
        if array.shape != (self.num_envs,) or array.dtype != np.bool_:
            raise BadUsage(
                f"options['reset_mask'] has shape {array.shape} and dtype {array.dtype}; give an array of "
                f"{self.num_envs} booleans, one for each sub-environment"
            )
        return array

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + index for index in range(self.num_envs)]
        seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise BadUsage(f"there are {len(seeds)} seeds for {self.num_envs} sub-environments; give one for each")
        return seeds

    def _wanted(self, problem: object) -> list[object]:
        if not isinstance(problem, list | tuple):
            return [problem] * self.num_envs
        if len(problem) != self.num_envs:
            raise BadUsage(f"options['problem'] has {len(problem)} ids; give one, or one for each of {self.num_envs}")
        return list(problem)


def _result(future: Future[Turn | None]) -> Turn | Exception | None:
    """Waits for a turn and returns it, or what was raised instead; raises what is meant to end the program."""
    error = future.exception()
    return error if isinstance(error, Exception) else future.result()
