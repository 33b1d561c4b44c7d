"""Changes JSON documents where it hurts: kinds, ranges, references, sizes, nesting, repetition."""

import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

from tests.agreement.choices import Choices
from tests.fuzzing.texts import changed_text, odd_text

NUMBERS = (
    0, 1, -1, 2, 3, 7, 31, 255, 2**15, 2**31 - 1, 2**31, 2**40, 2**40 + 1, 2**63 - 1, -(2**63), 2**64, 10**30,
    10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
MAX_CHANGES = 6
REPEATS = (1, 1, 1, 2, 2, 2, 16, 16, 300, 3000)
MAX_PLACES = 5_000
MAX_BYTES = 2 * 2**20

Place = tuple[Any, Any]
"""A list or dictionary, and the index or key of an element of it."""


def changed_document(document: Any, choices: Choices) -> bytes:
    """A copy of a JSON document after a few changes, as text that need not be JSON any more."""
    document = deepcopy(document)
    for _ in range(choices.integer(1, MAX_CHANGES)):
        places = list(islice(_places(document), MAX_PLACES))
        if not places:
            break
        _change(places, choices)
    try:
        text = json.dumps(document, ensure_ascii=choices.chance(80))[:MAX_BYTES]
    except RecursionError:
        text = "[" * MAX_BYTES
    if choices.chance(5):
        text = _with_a_key_twice(text, choices)
    if choices.chance(3):
        text = changed_text(text, choices)
    return text.encode("utf-8", errors="surrogatepass")


def _places(document: Any) -> Iterator[Place]:
    """Every element of every list and dictionary, breadth first."""
    waiting = [document]
    for container in waiting:
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in items:
            yield container, key
            if isinstance(value, dict | list):
                waiting.append(value)


def _change(places: list[Place], choices: Choices) -> None:
    container, key = choices.pick(places)
    value = container[key]
    match choices.integer(0, 9):
        case 0 | 1:
            container[key] = _alike(value, choices)
        case 2:
            container[key] = choices.pick(NUMBERS)
        case 3:
            container[key] = odd_text(choices)
        case 4:
            container[key] = choices.pick((None, True, False, [], {}, [[]], ""))
        case 5:
            other, name = choices.pick(places)
            container[key] = _copied(other[name])
        case 6:
            if isinstance(container, list) and len(str(value)) < 2000:
                container[key:key] = [value] * choices.pick(REPEATS)
        case 7:
            del container[key]
        case 8:
            container[key] = _nested(value, choices)
        case _:
            if isinstance(container, dict):
                container[odd_text(choices)] = _copied(value)
            else:
                container.reverse()


def _copied(value: Any) -> Any:
    """A copy, or nothing of what is nested too deeply to be copied."""
    try:
        return deepcopy(value)
    except RecursionError:
        return None


def _alike(value: Any, choices: Choices) -> Any:
    """Another value of the same kind, near by."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + choices.pick((1, -1, 2, -2, 1000, -value))
    if isinstance(value, str):
        return changed_text(value, choices)
    if isinstance(value, list):
        return value[: choices.integer(0, len(value))]
    return {name: value[name] for name in list(value)[: choices.integer(0, len(value))]}


def _nested(value: Any, choices: Choices) -> Any:
    """The value inside many lists or sequences of arguments."""
    as_argument = choices.chance(50)
    for _ in range(choices.pick((1, 1, 3, 3, 40, 150))):
        value = {"kind": "tuple", "items": [value]} if as_argument else [value]
    return value


def _with_a_key_twice(text: str, choices: Choices) -> str:
    """The text with a member before all others of one of its objects, which may have it already."""
    starts = [position for position, character in enumerate(text) if character == "{"]
    if not starts:
        return text
    member = choices.pick(('"kind":"aten",', '"kind":"ref",', '"id":0,', '"values":[],', '"kind":null,'))
    start = choices.pick(starts) + 1
    return text[:start] + member + text[start:]
