"""What there is to solve and how it is scored: one task per problem."""

from collections.abc import Iterable, Mapping

import verifiers.v1 as vf

from kernelgym.problems import load_problems
from sandboxes.contracts import Outcome


class KernelTasksetConfig(vf.TasksetConfig):
    """Which problems: `--env.taskset.problems` and so on."""

    problems: str = "core"
    """As `select_problems` reads them: `core`, `core/softmax,core/matmul`."""
    tags: tuple[str, ...] = ()
    """Only problems with one of these tags."""
    levels: tuple[int, ...] = ()
    """Only problems of these levels."""
    difficulties: tuple[str, ...] = ()
    """Only problems of these difficulties."""


class KernelData(vf.TaskData):
    """A task as it is stored: no prompt, because `KernelEnv` writes it when an episode begins."""

    problem: str
    """Id of the problem."""


class KernelTask(vf.Task[KernelData]):
    """Scores a rollout by what `KernelEnv` has written into its `trace.info`; nothing is evaluated here.

    That is `episode_reward`, and `turns`: `reward`, `outcome` and `speedup` of each turn. verifiers stores both, for
    trainers that want to give each turn's tokens a credit of their own.
    """

    @property
    def key(self) -> str:
        """The problem's id: it stays when the selection changes."""
        return str(self.data.problem)

    @vf.reward
    async def kernel(self, trace: vf.Trace) -> float:
        """Returns what the rollout has earned."""
        return float(trace.info["episode_reward"])

    @vf.metric
    async def turns(self, trace: vf.Trace) -> Mapping[str, float]:
        """Returns the number of turns, the reward of each, and how good the best candidate was."""
        turns = trace.info["turns"]
        metrics = {f"reward_turn_{number}": turn["reward"] for number, turn in enumerate(turns, 1)}
        return metrics | {
            "turns_played": float(len(turns)),
            "correct": float(any(turn["outcome"] == Outcome.OK for turn in turns)),
            "speedup": max((turn["speedup"] or 0.0 for turn in turns), default=0.0),
        }


class KernelTaskset(vf.Taskset[KernelTask, KernelTasksetConfig]):
    """The problems of a selection, in its order."""

    def load(self) -> Iterable[KernelTask]:
        """Returns one task per problem.

        Raises:
            KernelGymError: The selection names nothing that exists.
        """
        config = self.config
        loaded = load_problems(
            config.problems, tags=config.tags, levels=config.levels, difficulties=config.difficulties
        )
        return [
            KernelTask(KernelData(problem=problem.id, id=problem.id, name=problem.title), config.task)
            for problem in loaded.problems
        ]
