"""Brings references to life, each once per process."""

from collections import OrderedDict
from threading import RLock
from typing import Final

from sandboxes.contracts import Reference
from sandboxes.giveaways import refuse_giveaway
from sandboxes.reference import LiveReference
from sandboxes.scaling.search import scaled_down

MAX_LOADED: Final = 128
"""References that stay alive, least recently used first out."""

_loaded: OrderedDict[tuple[str, str], tuple[Reference, LiveReference]] = OrderedDict()
_one_at_a_time = RLock()
"""Looking at a reference seeds the random state of the process, which all threads share."""


def load_reference(reference: Reference) -> tuple[Reference, LiveReference]:
    """Executes a reference, scaled down where its shapes are too large to be checked, unless it gives its answer away.

    Returns:
        The reference with its `check_constants`, and what it is when executed.

    Raises:
        InvalidReference: Something is missing, its code raises, no smaller shapes can be found, or a fixed answer would
            pass.
    """
    key = (reference.id, reference.digest)
    with _one_at_a_time:
        if key not in _loaded:
            complete, live = bring_to_life(reference)
            if complete is reference:
                refuse_giveaway(live)
                alive = complete, live
            else:
                alive = load_reference(complete)
            _loaded[key] = alive  # also under the name of the reference that is not complete
            if len(_loaded) > MAX_LOADED:
                _loaded.popitem(last=False)
        _loaded.move_to_end(key)
        return _loaded[key]


def bring_to_life(reference: Reference) -> tuple[Reference, LiveReference]:
    """Executes a reference as `load_reference` does, even if it gives its answer away.

    Raises:
        InvalidReference: Something is missing, its code raises, or no smaller shapes can be found.
    """
    complete = scaled_down(reference)
    return complete, LiveReference(complete)
