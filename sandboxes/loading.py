"""Brings references to life, each once per process."""

from collections import OrderedDict
from typing import Final

from sandboxes.contracts import Reference
from sandboxes.reference import LiveReference
from sandboxes.scaling.search import scaled_down

MAX_LOADED: Final = 128
"""References that stay alive, least recently used first out."""

_loaded: OrderedDict[tuple[str, str], tuple[Reference, LiveReference]] = OrderedDict()


def load_reference(reference: Reference) -> tuple[Reference, LiveReference]:
    """Executes a reference, scaled down where its shapes are too large to be checked.

    Returns:
        The reference with its `check_constants`, and what it is when executed.

    Raises:
        InvalidReference: Something is missing, its code raises, or no smaller shapes can be found.
    """
    key = (reference.id, reference.digest)
    if key not in _loaded:
        complete = scaled_down(reference)
        alive = (complete, LiveReference(complete)) if complete is reference else load_reference(complete)
        _loaded[key] = alive  # also under the name of the reference that is not complete
        if len(_loaded) > MAX_LOADED:
            _loaded.popitem(last=False)
    _loaded.move_to_end(key)
    return _loaded[key]
