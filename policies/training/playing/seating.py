"""Begins episodes in the seats of an environment, so that one that can't begin takes no other with it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import EvaluatorBroken, InvalidReference

Unseated = EvaluatorBroken | InvalidReference
"""Why an episode could not begin: the infrastructure's fault, or that of the problem's reference."""


def begin(environment: KernelVectorEnv, problems: Mapping[int, str]) -> dict[int, str | Unseated]:
    """Begins an episode in each of these seats and leaves all others as they are.

    Where one can't begin, every seat is tried once more by itself.

    Args:
        environment: With these seats.
        problems: Ids by seat.

    Returns:
        By seat: the task, or why there is none.

    Raises:
        KernelGymError: A problem does not exist.
    """
    try:
        return {**_begun(environment, problems)}
    except (EvaluatorBroken, InvalidReference):
        pass
    tasks: dict[int, str | Unseated] = {}
    for seat, problem in problems.items():
        try:
            tasks |= _begun(environment, {seat: problem})
        except (EvaluatorBroken, InvalidReference) as error:
            tasks[seat] = error
    return tasks


def _begun(environment: KernelVectorEnv, problems: Mapping[int, str]) -> dict[int, str]:
    wanted: list[Any] = [problems.get(seat) for seat in range(environment.num_envs)]
    mask = np.isin(np.arange(environment.num_envs), list(problems))
    tasks, _ = environment.reset(options={"problem": wanted, "reset_mask": mask})
    return {seat: tasks[seat] for seat in problems}
