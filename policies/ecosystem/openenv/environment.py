"""One session of the server: an `Episode` behind OpenEnv's interface of an environment."""

from typing import Any, Final
from uuid import uuid4

import numpy as np
from openenv.core.env_server import Environment
from openenv.core.env_server.types import EnvironmentMetadata

from kernelgym.envs import Episode, Turn
from kernelgym.envs.arena import Arena
from kernelgym.envs.info import info_of_reset, info_of_turn
from kernelgym.envs.submitting import SUBMITTED
from kernelgym.errors import BadUsage, UnknownProblem, did_you_mean
from kernelgym.runs.record import encodable
from policies.ecosystem.openenv.messages import KernelAction, KernelObservation, KernelState

SPLIT: Final = "train"
"""The only split: which problems are for testing is decided by the selection that a server is started with."""

RESET_OPTIONS: Final = ("seed", "episode_id", "problem", "split", "index")
MAX_ID: Final = 255
"""Characters of the longest id of an episode, as OpenEnv's own request has it."""


class KernelEnvironment(Environment[KernelAction, KernelObservation, KernelState]):
    """Plays one episode at a time; sessions share the arena, and with it the evaluator.

    Whatever a client sends ends in an observation or in an error that the server reports to this client. A client can
    only ask for problems of the server's selection: any other name could denote a file of the server.

    Args:
        arena: Begins episodes; `close` leaves it open.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, arena: Arena) -> None:
        super().__init__()
        self._arena = arena
        self._generator = np.random.default_rng()
        self._episode: Episode | None = None
        self._id: str | None = None

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, problem: str | None = None,
        split: str | None = None, index: int | None = None, **unknown: Any,
    ) -> KernelObservation:  # fmt: skip
        """Begins an episode and returns the task.

        Args:
            seed: Of the draw of this and all later problems of the session.
            episode_id: Name of the episode, for the client's records; None: a random one.
            problem: Id of a problem of the server's selection; None draws one.
            split: `train`, or None.
            index: Instead of `problem`, its position in the selection.
            unknown: Refused.

        Raises:
            BadUsage: An option is unknown or of the wrong kind.
            UnknownProblem: The problem is not of the selection.
            InvalidReference: It can't be described.
        """
        for name in unknown:
            remedy = did_you_mean(name, RESET_OPTIONS) or f"there are {', '.join(RESET_OPTIONS)}"
            raise BadUsage(f"reset has no option {name[:MAX_ID]!r}; {remedy}")
        if not _is(seed, int) or (seed is not None and seed < 0):
            raise _unusable("seed", seed, "a whole number from 0")
        if not _is(episode_id, str) or len(episode_id or "") > MAX_ID:
            raise _unusable("episode_id", episode_id, f"a text of at most {MAX_ID} characters")
        if not _is(problem, str) or (problem is not None and index is not None):
            raise _unusable("problem", problem, "the id of a problem, without an index")
        if split not in (None, SPLIT):
            raise _unusable("split", split, repr(SPLIT))
        if not _is(index, int):
            raise _unusable("index", index, "a whole number")
        if index is not None:
            problem = self.get_task(SPLIT, index)["id"]
        if problem is not None and problem not in self._arena.problem_ids:
            raise UnknownProblem(problem[:MAX_ID], self._arena.problem_ids)
        if seed is not None:
            self._generator = np.random.default_rng(seed)
        self._episode = self._arena.begin(self._generator, problem)
        self._id = episode_id or str(uuid4())
        return _observation(info_of_reset(self._episode), self._episode.prompt, done=False, reward=None)

    def step(self, action: KernelAction, timeout_s: float | None = None, **unused: Any) -> KernelObservation:
        """Plays one turn.

        Args:
            action: The completion.
            timeout_s: Ignored: an evaluation has limits of its own.
            unused: Ignored.

        Raises:
            BadUsage: No episode has begun.
            EpisodeOver: It has ended.
            KernelGymError: The evaluator can't be used; no turn is used up.
        """
        if self._episode is None:
            raise BadUsage("no episode has begun in this session; call reset() before step()")
        turn = self._episode.play(action.completion, self._arena.evaluator)
        info = info_of_turn(self._episode, turn)
        text = SUBMITTED if turn is None else turn.observation
        return _observation(info, text, done=self._episode.done, reward=_reward(turn))

    @property
    def state(self) -> KernelState:
        """How the episode stands."""
        episode = self._episode
        if episode is None:
            return KernelState()
        rewards = [turn.reward.value for turn in episode.turns]
        return KernelState(
            episode_id=self._id, step_count=len(rewards), problem=episode.problem.id,
            max_turns=episode.rules.total_turns, done=episode.done, rewards=rewards,
        )  # fmt: skip

    def get_metadata(self) -> EnvironmentMetadata:
        """Returns what the server says of itself."""
        return EnvironmentMetadata(
            name="kernelgym", description="Write a fast Triton kernel in several turns; each turn is judged and timed."
        )

    def close(self) -> None:
        """Forgets the episode; the evaluator belongs to the server."""
        self._episode = None

    def list_splits(self) -> list[str]:
        """Returns the only split."""
        return [SPLIT]

    def num_tasks(self, split: str) -> int:
        """Returns how many problems there are."""
        return len(self._tasks(split))

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """Returns `id` and `index` of each problem."""
        return self._tasks(split)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """Returns `id` and `index` of a problem.

        Raises:
            IndexError: There are not as many.
        """
        tasks = self._tasks(split)
        if not 0 <= index < len(tasks):
            raise IndexError(f"there is no problem {index}; the selection has {len(tasks)}, counted from 0")
        return tasks[index]

    def get_task_range(self, split: str, start: int | None = None, stop: int | None = None) -> list[dict[str, Any]]:
        """Returns those of a range, as a slice does."""
        return self._tasks(split)[start:stop]

    def _tasks(self, split: str) -> list[dict[str, Any]]:
        if split != SPLIT:
            raise IndexError(f"there is no split {split[:MAX_ID]!r}; there is {SPLIT!r}")
        return [{"id": problem, "index": index} for index, problem in enumerate(self._arena.problem_ids)]


def _is(value: object, kind: type) -> bool:
    """Returns whether an option that came over the wire is of a kind, or left out."""
    return value is None or (isinstance(value, kind) and not isinstance(value, bool))


def _unusable(name: str, value: object, wanted: str) -> BadUsage:
    return BadUsage(f"{name} is {str(value)[:MAX_ID]!r}; give {wanted}, or leave it out")


def _reward(turn: Turn | None) -> float | None:
    return None if turn is None or turn.lost else float(turn.reward.value or 0.0)


def _observation(info: dict[str, Any], text: str, *, done: bool, reward: float | None) -> KernelObservation:
    """Returns an observation that JSON can hold, whatever characters a completion that it quotes is made of."""
    chat = [{"role": message["role"], "content": encodable(message["content"])} for message in info["chat"]]
    taken = ("problem", "turn", "max_turns", "submitted", "outcome", "speedup", "infrastructure", "best")
    known = {name: info[name] for name in (*taken, "reward_breakdown") if name in info}
    return KernelObservation(text=encodable(text), messages=chat, done=done, reward=reward, **known)
