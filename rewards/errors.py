"""What can go wrong in `rewards`; a candidate that fails is data (`Report.outcome`), never one of these.

RewardsError
└── UnknownRewardError (also LookupError)
"""


class RewardsError(Exception):
    """Root of everything that `rewards` raises on purpose."""


class UnknownRewardError(RewardsError, LookupError):
    """No reward is registered under the name that was asked for; the message names what is."""
