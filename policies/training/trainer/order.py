"""Which problems a step tries when no curriculum chooses: all in turn, in a new order each time.

It is a function of the step and the seed alone. A data loader would leave out the problems that don't fill a batch, and
after a checkpoint in a later epoch it would begin with the first epoch's order again.
"""

from collections.abc import Sequence

import numpy as np


class ProblemOrder:
    """The problems, over and over.

    Args:
        problems: Ids, at least one.
        seed: Of the orders.
        shuffle: False: always in the order that was given.
    """

    def __init__(self, problems: Sequence[str], seed: int, *, shuffle: bool = True) -> None:
        self._problems = tuple(problems)
        self._seed = seed
        self._shuffle = shuffle

    def batch(self, step: int, count: int) -> list[str]:
        """Returns the problems of one step; every problem comes once before any comes again.

        Args:
            step: Counted from 0.
            count: Problems of each step.
        """
        places = [divmod(place, len(self._problems)) for place in range(step * count, (step + 1) * count)]
        orders = {round_: self._order(round_) for round_ in {round_ for round_, _ in places}}
        return [orders[round_][index] for round_, index in places]

    def _order(self, round_: int) -> Sequence[str]:
        if not self._shuffle:
            return self._problems
        chosen = np.random.default_rng([self._seed, round_]).permutation(len(self._problems))
        return [self._problems[index] for index in chosen.tolist()]
