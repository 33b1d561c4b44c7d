"""What can go wrong in `rewards`; a candidate that fails is data (`Report.outcome`), never one of these.

RewardsError
└── UnknownReward (also LookupError)
"""


class RewardsError(Exception):
    """Root of everything that `rewards` raises on purpose."""


class UnknownReward(RewardsError, LookupError):
    """No reward is registered under the name that was asked for; the message names what is."""
