"""From measured numbers to a YAML file that describes a target."""

from collections.abc import Mapping

import yaml

from sandboxes.hardware.targets.reading import KINDS, NUMBERS, RATES

DIGITS = 4
"""That are written: no measurement is more exact."""


def target_text(*, name: str, title: str, extends: str, numbers: Mapping[str, float], origin: str) -> str:
    """Returns the text of a file that `read_description` reads.

    Args:
        name: Of the new target.
        title: The product's name.
        extends: Target that has the other numbers.
        numbers: What was measured, by key of the contract; rates by kind, such as `fp16`.
        origin: How they were measured, in words.

    Raises:
        ValueError: A number is of no key.
    """
    if unknown := [key for key in numbers if key not in (*NUMBERS, *KINDS)]:
        raise ValueError(f"{unknown[0]!r} is no number of a target; there are {', '.join((*NUMBERS, *KINDS))}")
    values = {key: {"value": float(f"{value:.{DIGITS}g}"), "source": "measured"} for key, value in numbers.items()}
    document: dict[str, object] = {"name": name, "title": title, "extends": extends, "sources": {"measured": origin}}
    document |= {key: value for key, value in values.items() if key in NUMBERS}
    if rates := {key: value for key, value in values.items() if key in KINDS}:
        document[RATES] = rates
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))
