"""What can go wrong in `rewards`; a candidate that fails is data (`Report.outcome`), never one of these.

RewardsError
├── UnknownReward (also LookupError)
├── InvalidReward (also ValueError)
└── RewardBroken  (also RuntimeError)
"""


class RewardsError(Exception):
    """Root of everything that `rewards` raises on purpose."""


class UnknownReward(RewardsError, LookupError):
    """No reward is registered under the name that was asked for; the message names what is."""


class InvalidReward(RewardsError, ValueError):
    """A file that can't be a reward; the message names the file, the key, the value and the remedy."""


class RewardBroken(RewardsError, RuntimeError):
    """Somebody else's reward can't be loaded, raises, or returns something that is no reward."""
