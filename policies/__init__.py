"""Learners: policies, rollouts and trainers that improve in the environment."""

from policies.errors import PoliciesError, PolicyBroken, PolicyUnavailable, UnknownPolicy
from policies.policy import Player, Policy, get_policy, list_policies, register_policy

__all__ = [
    # the protocol
    "Player", "Policy",
    # by name
    "get_policy", "list_policies", "register_policy",
    # errors
    "PoliciesError", "PolicyBroken", "PolicyUnavailable", "UnknownPolicy",
]  # fmt: skip
