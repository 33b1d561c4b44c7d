"""Passes judgement on facts: findings, rewards and shaping as pure functions of a Report."""

from rewards.composition import Composition, Weighted, compose
from rewards.drkernel import drkernel_like_kernel, drkernel_paper, drkernel_released, drkernel_weighted
from rewards.errors import InvalidReward, RewardBroken, RewardsError, UnknownReward
from rewards.named import NamedReward
from rewards.registry import DEFAULT_REWARD, get_reward, list_rewards, register_reward, reward_identity
from rewards.rejection import Draw, RejectionSampling, Share
from rewards.returns import returns_to_go
from rewards.reward import EXCLUDED, Reward, RewardFunction, Term
from rewards.shipped import drkernel_guarded, exploration, fast_p, graded, improvement, kevin, log2_speedup
from rewards.terms import SPEEDUP_CAP

__all__ = [
    # values
    "EXCLUDED", "NamedReward", "Reward", "RewardFunction", "Term",
    # reward functions; their terms are in `rewards.terms`
    "SPEEDUP_CAP", "drkernel_guarded", "drkernel_like_kernel", "drkernel_paper", "drkernel_released",
    "drkernel_weighted", "exploration", "fast_p", "graded", "improvement", "kevin", "log2_speedup",
    # new ones
    "Composition", "Weighted", "compose",
    # by name
    "DEFAULT_REWARD", "get_reward", "list_rewards", "register_reward", "reward_identity",
    # what a trainer makes of them
    "Draw", "RejectionSampling", "Share", "returns_to_go",
    # errors
    "InvalidReward", "RewardBroken", "RewardsError", "UnknownReward",
]  # fmt: skip
