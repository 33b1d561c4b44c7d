"""Ends a training that only loses: a step with nothing to learn from costs as much time as one that teaches."""

from collections.abc import Mapping

from kernelgym.errors import EvaluatorBroken
from policies.training.collecting.row import Mask


class LostBatches:
    """Counts the batches in a row of which everything was lost; the same on every process.

    Args:
        most: How many of them end the training; 0: none do.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    def note(self, tally: Mapping[str, int], fault: str | None) -> None:
        """Takes note of a batch.

        Args:
            tally: Its turns (`turns`), and how many each rule masks, over all processes.
            fault: The last one; None: nobody has said anything.

        Raises:
            EvaluatorBroken: It is one too many; names the fault.
        """
        lost = tally.get(Mask.LOST, 0)
        everything = lost > 0 and lost + tally.get(Mask.CONFIRMATION, 0) == tally["turns"]
        self._count = self._count + 1 if everything else 0
        if self._most and self._count >= self._most:
            raise EvaluatorBroken(
                f"every episode of {self._count} batches in a row was lost, so nothing is learned any more; the last "
                f"fault: {fault or 'unknown'}. `kernelgym doctor` checks this machine; lost_batches says after how "
                "many batches a training ends (0: never)"
            )
