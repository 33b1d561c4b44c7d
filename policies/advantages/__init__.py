"""How much better each turn was than was to be expected: returns-to-go minus a baseline from the other rollouts.

Pure functions of tensors, without any trainer. `docs/training.md` says when to use which estimator.
"""

from policies.advantages.estimation import Advantages, advantages, updated_prior
from policies.advantages.options import AdvantageOptions, Alone, Ended, Estimator
from policies.advantages.prior import Prior, TurnPrior
from policies.advantages.returns import returns_to_go

__all__ = [
    # what is computed
    "Advantages",
    "advantages",
    "returns_to_go",
    # how
    "AdvantageOptions",
    "Alone",
    "Ended",
    "Estimator",
    # what EBPO shrinks to
    "Prior",
    "TurnPrior",
    "updated_prior",
]
