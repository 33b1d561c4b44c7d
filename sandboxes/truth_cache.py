"""Truths that were computed before: in this process, or by another worker of this machine."""

from collections import OrderedDict

from sandboxes.kept_truth import truth_from_bytes, truth_to_bytes
from sandboxes.reference import LiveReference
from sandboxes.shelf import Kind, Shelf
from sandboxes.truth import Trial, Truth, compute_truth


class TruthCache:
    """Truths by reference and trial, least recently used first out.

    Args:
        max_bytes: Memory that all truths together may occupy; a truth larger than that is not kept.
        shelf: Where other workers may have put them, and those to come will look.
    """

    def __init__(self, max_bytes: int = 672 * 2**20, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[object, ...], Truth] = OrderedDict()

    def get(self, reference: LiveReference, trial: Trial) -> Truth:
        """Returns the truth of a trial, computing it if it is not known."""
        key = (reference.digest, trial.case.name, trial.weight_seed, trial.distribution, trial.seed, trial.precision)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        truth = self._from_shelf(reference, trial, key)
        if truth.bytes <= self._max_bytes:
            self._known[key] = truth
            self._bytes += truth.bytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._known.popitem(last=False)[1].bytes
        return truth

    def _from_shelf(self, reference: LiveReference, trial: Trial, key: tuple[object, ...]) -> Truth:
        """Returns a truth from the shelf, or computes it and puts it there."""
        if self._shelf is None:
            return compute_truth(reference, trial)
        name = repr((trial.case.model_dump_json(), *key))
        kept = self._shelf.get(Kind.TRUTH, name)
        truth = truth_from_bytes(kept, reference, trial) if kept is not None else None
        if truth is None:
            truth = compute_truth(reference, trial)
            if (raw := truth_to_bytes(truth)) is not None:
                self._shelf.put(Kind.TRUTH, name, raw)
        return truth
