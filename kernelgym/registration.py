"""Makes the environments known to `gymnasium.make`; they are imported when the first one is made."""

from typing import Final

import gymnasium as gym

KERNEL_ENV: Final = "KernelGym/Kernel-v0"
"""One candidate after another for one problem after another."""


def register_environments() -> None:
    """Registers what is not registered yet."""
    if KERNEL_ENV not in gym.registry:
        gym.register(
            KERNEL_ENV,
            entry_point="kernelgym.envs.kernel_env:KernelEnv",
            vector_entry_point="kernelgym.envs.vector_env:KernelVectorEnv",
            nondeterministic=True,  # inputs are drawn from secret seeds, and reports hold wall times
        )
