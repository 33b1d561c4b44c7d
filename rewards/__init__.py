"""Passes judgement on facts: findings, rewards and shaping as pure functions of a Report."""

from rewards.drkernel import SPEEDUP_CAP, drkernel_paper
from rewards.errors import RewardsError, UnknownReward
from rewards.guarded import drkernel_guarded
from rewards.registry import DEFAULT_REWARD, get_reward, list_rewards, register_reward
from rewards.reward import EXCLUDED, Reward, RewardFunction, Term

__all__ = [
    # values
    "EXCLUDED", "Reward", "RewardFunction", "Term",
    # reward functions
    "SPEEDUP_CAP", "drkernel_guarded", "drkernel_paper",
    # by name
    "DEFAULT_REWARD", "get_reward", "list_rewards", "register_reward",
    # errors
    "RewardsError", "UnknownReward",
]  # fmt: skip
