"""Episodes for other people's trainers: adapters of the environment, each for one library.

`TRLEnvironments` is here; those of OpenEnv and verifiers are in `policies.ecosystem.openenv` and
`policies.ecosystem.verifiers`, which need the packages of the same name.
"""

from policies.ecosystem.episode_reward import EpisodeReward
from policies.ecosystem.trl_environment import TRLEnvironment, TRLEnvironments

__all__ = [
    # TRL's environment_factory
    "TRLEnvironment", "TRLEnvironments",
    # one number for an episode
    "EpisodeReward",
]  # fmt: skip
