"""One rollout: the agent and an `Episode` take turns."""

import asyncio
import operator
from typing import Any, Final

import numpy as np
import verifiers.v1 as vf

from kernelgym.envs import Episode, Options
from kernelgym.envs.arena import Arena
from kernelgym.envs.options import settings_of_this_process
from kernelgym.envs.rules import History
from kernelgym.errors import BadUsage, EvaluatorBroken
from kernelgym.evaluators import Evaluator
from kernelgym.runs.record import encodable
from policies.ecosystem.episode_reward import EpisodeReward, episode_reward
from policies.ecosystem.verifiers.taskset import KernelTaskset

PLUGIN: Final = "kernelgym-verifiers"
"""Id by which verifiers finds taskset, environment and harness."""


class KernelEnvConfig(vf.EnvConfig):
    """How episodes are played: `--env.max_turns` and so on; None means "as the settings say"."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())
    """The model that is trained or evaluated. Its runtime is this machine, as nothing is run there."""
    max_turns: int = 3
    """Candidates that may be sent in one episode."""
    target_speedup: float | None = None
    """Speedup that ends an episode; None: only `max_turns` does."""
    reward: str | None = None
    """Name of the reward of a turn, or path of a YAML file; None: the default one."""
    episode_reward: str = EpisodeReward.BEST
    """What a rollout earns: the reward of its `best` or `last` turn, or the `sum`."""
    style: str = "compact"
    """Templates for task and feedback."""
    feedback_tokens: int = 1000
    """Budget of one feedback, in tokens."""
    allow_submit: bool = True
    """Whether the agent may end the episode by a last line `SUBMIT`."""
    target: str | None = None
    """GPU that is compiled for and modelled."""
    precision: str = "tf32"
    """`tf32` or `fp32`: how float32 matrix products may be computed."""
    sandbox: str | None = None
    """Where candidates run."""
    workers: int | None = None
    """Evaluations at a time."""


class KernelEnv(vf.Env[KernelEnvConfig]):
    """Plays one episode per rollout; all rollouts share one evaluator, which lives as long as verifiers serves.

    The conversation is append-only: every completion, and the feedback on it as it was first shown.

    A lost evaluation is an error of the rollout's (`EvaluatorBroken`), which verifiers leaves out or tries again
    (`--env.retries.max_retries`); it is never a reward of 0.
    """

    taskset: KernelTaskset

    def __init__(self, config: KernelEnvConfig) -> None:
        super().__init__(config)
        self.evaluator: Evaluator | None = None
        """What evaluates candidates, to be set before the first rollout and closed by who set it; None: a local one."""
        self._how = EpisodeReward.named(config.episode_reward)
        self._arena: Arena | None = None
        self._options().rules(settings_of_this_process())  # says at once what can't be used

    async def start(self) -> None:
        """Starts the evaluator."""
        self._arena = Arena(self._options(), self.config.workers)
        await asyncio.to_thread(operator.attrgetter("evaluator"), self._arena)

    async def stop(self) -> None:
        """Ends an evaluator of its own."""
        if self._arena is not None:
            await asyncio.to_thread(self._arena.close)
            self._arena = None

    async def run(self, task: vf.Task, agents: vf.Agents) -> None:
        """Plays one episode."""
        if self._arena is None:
            raise BadUsage("the environment is not serving; run episodes inside `async with env.serving()`")
        arena = self._arena
        episode = await asyncio.to_thread(arena.begin, np.random.default_rng(), task.data.problem)
        text = episode.prompt
        async with agents.agent.interaction(task) as exchange:
            self._record(exchange.trace, episode)
            while not episode.done:
                said = await exchange.turn(text)
                if said.terminated:  # by a limit of verifiers', or because the model could not be asked
                    break
                turn = await asyncio.to_thread(episode.play, said.last_reply, arena.evaluator)
                if turn is None:
                    break
                if turn.lost:
                    why = "; ".join(diagnostic.message for diagnostic in turn.report.diagnostics)
                    raise EvaluatorBroken(f"turn {turn.number} on {episode.problem.id} was lost, no reward: {why}")
                text = encodable(turn.observation)
                self._record(exchange.trace, episode)

    def _record(self, trace: vf.Trace, episode: Episode) -> None:
        trace.info["episode_reward"] = episode_reward(episode, self._how)
        trace.info["turns"] = [
            {"reward": turn.reward.value, "outcome": str(turn.report.outcome), "speedup": turn.report.speedup}
            for turn in episode.turns
        ]

    def _options(self) -> Options:
        config, chosen = self.config, self.taskset.config
        named = {} if config.reward is None else {"reward": config.reward}
        return Options(
            problems=chosen.problems, tags=chosen.tags, levels=chosen.levels, difficulties=chosen.difficulties,
            max_turns=config.max_turns, target_speedup=config.target_speedup, style=config.style,
            feedback_tokens=config.feedback_tokens, allow_submit=config.allow_submit, history=History.FULL,
            target=config.target, precision=config.precision, sandbox=config.sandbox, evaluator=self.evaluator, **named,
        )  # fmt: skip


def load_environment(
    *, problems: str = "core", evaluator: Evaluator | None = None, taskset: dict[str, Any] | None = None, **options: Any
) -> KernelEnv:
    """Returns the environment as verifiers itself loads it.

    Args:
        problems: What there is to solve.
        evaluator: What evaluates candidates; you close it. None: a local one.
        taskset: Further fields of `KernelTasksetConfig`.
        options: Fields of `KernelEnvConfig`.

    Raises:
        pydantic.ValidationError: There is no such field, or it has another type.
        KernelGymError: The options name nothing that exists, or don't go together.
    """
    chosen = {"id": PLUGIN, "problems": problems} | (taskset or {})
    env: KernelEnv = vf.load_environment(vf.resolve_env_config({"taskset": chosen} | options))
    env.evaluator = evaluator
    return env
