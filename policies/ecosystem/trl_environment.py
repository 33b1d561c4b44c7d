"""The environment for `environment_factory` of TRL's GRPOTrainer: the model submits kernels by a tool call.

Source:
    TRL 1.16, `GRPOTrainer(environment_factory=...)`: `reset` gets the columns of a row and returns what is appended to
    its prompt; every other public method of the class becomes a tool, described by its docstring; `get_reward` is a
    reward column. That is why `TRLEnvironment` has no other public method, and wraps an `Episode` instead of being one:
    whatever is public would be a tool.

Trainers of this kind have one reward per rollout. `policies.training` learns from each turn.
"""

from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from kernelgym.envs import Episode, Options
from kernelgym.envs.arena import Arena
from kernelgym.envs.rules import History
from kernelgym.errors import BadUsage, KernelGymError
from policies.ecosystem.episode_reward import EpisodeReward, episode_reward

TOOL: Final = "submit_kernel"

INSTRUCTION: Final = (
    f"Submit each program by calling the tool `{TOOL}` with the whole program as `code`; it answers with feedback. "
    "Answer without a call when you are done."
)
"""Stands below the task: that speaks of replies, because elsewhere a candidate is a reply."""

OVER: Final = "The episode is over; nothing that you submit is looked at any more. Answer without a tool call."
LOST: Final = "The evaluation failed for a reason that is not yours. Answer without a tool call."


class TRLEnvironment:
    """One rollout at a time, again and again. `TRLEnvironments` makes them.

    Args:
        arena: Begins episodes; shared.
        reward: What `get_reward` returns.
    """

    def __init__(self, arena: Arena, reward: EpisodeReward) -> None:
        self._arena = arena
        self._reward = reward
        self._episode: Episode | None = None
        self._lost = False

    def reset(self, **row: Any) -> str:
        """Begins an episode on the problem that the row's column `problem` names, and returns the task.

        Raises:
            BadUsage: There is no such column: each rollout of a group would play another problem.
            KernelGymError: The problem does not exist or can't be described.
        """
        problem = row.get("problem")
        if not isinstance(problem, str):
            raise BadUsage(
                f"the column `problem` of a row is {problem!r}; it must hold the id of a problem, as the rows of "
                "`TRLEnvironments.rows()` do"
            )
        self._lost = False
        self._episode = self._arena.begin(np.random.default_rng(), problem)
        return f"{self._episode.prompt}\n\n{INSTRUCTION}"

    def submit_kernel(self, code: str) -> str:
        """Compiles, checks and times a program on the task, and returns feedback to write a better one with.

        Args:
            code: The complete Python program, with its imports and the class `ModelNew`.

        Returns:
            The verdict, what to correct or to speed up, and how many submissions are left.
        """
        if self._episode is None:
            raise BadUsage("no episode has begun; call reset() first")
        if self._lost or self._episode.done:
            return LOST if self._lost else OVER
        # A model may write any JSON as an argument. What is no text holds no code.
        completion = code if isinstance(code, str) else ""
        try:
            turn = self._episode.play(completion, self._arena.evaluator)
        except KernelGymError:  # TRL would tell it to the model, and reward the rollout as if nothing had happened
            self._lost = True
            return LOST
        self._lost = turn is not None and turn.lost
        return OVER if turn is None else LOST if self._lost else turn.observation

    def get_reward(self) -> float | None:
        """Returns what the episode has earned; None, which TRL leaves out, if an evaluation was lost."""
        return None if self._lost or self._episode is None else episode_reward(self._episode, self._reward)

    @property
    def turn_rewards(self) -> tuple[float | None, ...]:
        """One per submission, in order; None for one that was lost. For reward functions: `environments[i]`."""
        return () if self._episode is None else tuple(turn.reward.value for turn in self._episode.turns)

    @property
    def episode(self) -> Episode | None:
        """The episode that is played, with all reports; None before the first `reset`."""
        return self._episode


class TRLEnvironments:
    """What `environment_factory` takes: makes environments that share one evaluator. A context manager.

        with TRLEnvironments(problems="core", max_turns=3) as environments:
            dataset = Dataset.from_list(environments.rows())
            GRPOTrainer(model, train_dataset=dataset, environment_factory=environments, ...).train()

    Args:
        workers: Worker processes of an evaluator of its own; None means "as the settings say". TRL calls the tools of a
            batch one after the other, so more than one is of no use.
        episode_reward: What a rollout earns: `best`, `last` or `sum`.
        options: The fields of `Options`. `allow_submit` is False unless it is given: here an answer without a tool
            call ends a rollout. `history` is full, because TRL keeps all that was said.

    Raises:
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    def __init__(self, *, workers: int | None = 1, episode_reward: str = EpisodeReward.BEST, **options: Any) -> None:
        self._reward = EpisodeReward.named(episode_reward)
        usual: dict[str, Any] = {"allow_submit": False, "history": History.FULL}
        self._arena = Arena(Options(**usual | options), workers)

    def __call__(self) -> TRLEnvironment:
        """Returns a new environment."""
        return TRLEnvironment(self._arena, self._reward)

    def rows(self) -> list[dict[str, Any]]:
        """Returns one row per problem, with the columns `prompt` (empty; `reset` fills it) and `problem`."""
        return [
            {"prompt": [{"role": "user", "content": ""}], "problem": problem} for problem in self._arena.problem_ids
        ]

    def close(self) -> None:
        """Ends an evaluator of its own; calling it again does nothing."""
        self._arena.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
