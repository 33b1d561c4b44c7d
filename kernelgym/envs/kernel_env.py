"""`KernelGym/Kernel-v0`: one episode at a time, for agents that speak Gymnasium."""

from typing import Any

import gymnasium as gym

from kernelgym.envs.arena import MAX_OBSERVATION, Arena
from kernelgym.envs.episode import MAX_COMPLETION, Episode
from kernelgym.envs.info import info_of_reset, info_of_turn
from kernelgym.envs.options import Options, checked_reset_options
from kernelgym.envs.spaces import UnicodeText
from kernelgym.envs.submitting import SUBMITTED
from kernelgym.errors import BadUsage


class KernelEnv(gym.Env[str, str]):
    """An action is a completion, an observation is text: first the task, then feedback on each candidate.

    An evaluation that was lost to a fault of ours has reward 0.0, as Gymnasium wants a number, and
    `info["infrastructure"]`: leave it out of whatever is learned.

    Args:
        render_mode: None, `ansi` (`render` returns the last observation) or `human` (each is printed).
        options: The fields of `Options`.

    Raises:
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012 - Gymnasium's

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise BadUsage(f"render_mode is {render_mode!r}; it can be None, 'ansi' or 'human'")
        self.render_mode = render_mode
        self.action_space = UnicodeText(MAX_COMPLETION)
        self.observation_space = UnicodeText(MAX_OBSERVATION)
        self._arena = Arena(Options(**options))
        self._episode: Episode | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begins an episode and returns the task.

        Args:
            seed: Of the draw of this and all later problems.
            options: `{"problem": id}` chooses the problem. A drawn one that can't be described is put aside with a
                warning, and another one is drawn.

        Raises:
            BadUsage: There is no such option.
            KernelGymError: There is no such problem, or it can't be described, or none can.
        """
        super().reset(seed=seed)
        wanted = checked_reset_options(options, ("problem",)).get("problem")
        self._episode = self._arena.begin(self.np_random, wanted)
        self._print()
        return self._episode.prompt, info_of_reset(self._episode)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Plays one turn; any text will do.

        Raises:
            ResetNeeded: No episode has begun.
            EpisodeOver: It has ended.
            BadUsage: The action is not a string.
            KernelGymError: The evaluator can't be used; no turn is used up.
        """
        if self._episode is None:
            raise gym.error.ResetNeeded("no episode has begun; call reset() before step()")
        if not isinstance(action, str):
            raise BadUsage(f"an action is the text of a completion, not of type {type(action).__name__}")
        turn = self._episode.play(str(action), self._arena.evaluator)
        self._print()
        return (
            SUBMITTED if turn is None else turn.observation,
            0.0 if turn is None else float(turn.reward.value or 0.0),
            self._episode.terminated,
            self._episode.truncated,
            info_of_turn(self._episode, turn),
        )

    def render(self) -> str | None:
        """Returns the last observation in mode `ansi`; None otherwise, as `human` prints by itself."""
        return self._last_observation() if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Ends the environment's own evaluator; calling it again does nothing."""
        self._arena.close()

    def _print(self) -> None:
        if self.render_mode == "human":
            print(self._last_observation())

    def _last_observation(self) -> str:
        if self._episode is None:
            return ""
        return self._episode.turns[-1].observation if self._episode.turns else self._episode.prompt
