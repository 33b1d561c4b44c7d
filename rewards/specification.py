"""Rewards as small YAML files, read as what they are: data from somebody else.

    name: fast_and_own
    description: Correct, up to twice as fast, in own kernels.
    terms:
      - term: correctness
      - term: speedup
        weight: 0.5
        cap: 2
      - term: replaced
        label: coverage

A key of a term that is not `term`, `weight` or `label` is one of its parameters.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field, ValidationError

from rewards.composition import Composition, Weighted
from rewards.errors import InvalidReward
from rewards.named import NamedReward
from rewards.terms import TERMS, TermFunction
from rewards.terms.base import Number
from sandboxes.contracts import Contract
from sandboxes.plain_yaml import NotPlain, read_plain

SUFFIXES: Final = (".yaml", ".yml")

MAX_BYTES: Final = 16 * 1024
"""Largest file that is read."""

MAX_DEPTH: Final = 8
"""Levels of lists and keys within each other; a term with steps has five."""

NAME: Final = r"^[A-Za-z][A-Za-z0-9_.\-]{0,63}$"


Model = TypeVar("Model", bound=Contract)


class _Summand(Contract):
    term: Annotated[str, Field(max_length=64)]
    weight: Number = 1.0
    label: Annotated[str, Field(pattern=NAME)] | None = None


class _File(Contract):
    name: Annotated[str, Field(pattern=NAME)]
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    terms: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=32)]


def read_reward(path: Path) -> NamedReward:
    """Returns the reward that a YAML file describes; without a `name`, it is called like the file.

    Raises:
        InvalidReward: The file can't be read, is too large, is no YAML, or is no reward; names key and value.
    """
    try:
        document = read_plain(path, MAX_BYTES, MAX_DEPTH)
    except NotPlain as error:
        raise InvalidReward(f"the reward file {path} {error}") from error
    if not isinstance(document, dict):
        found = "is empty" if document is None else f"holds a {type(document).__name__}"
        raise InvalidReward(f"the reward file {path} {found}; write `terms:` and below it a list of terms")
    file = _checked(_File, {"name": path.stem} | document, path, "")
    terms = tuple(_weighted(item, path, f"terms[{number}]") for number, item in enumerate(file.terms))
    try:
        composition = Composition(terms)
    except ValueError as error:
        raise InvalidReward(f"the reward file {path}: {error}") from error
    return NamedReward(file.name, file.description, composition, composition.digest)


def _weighted(item: dict[str, Any], path: Path, where: str) -> Weighted:
    own = {key: value for key, value in item.items() if key in _Summand.model_fields}
    summand = _checked(_Summand, own, path, where)
    kind = TERMS.get(summand.term)
    if kind is None:
        raise InvalidReward(
            f"the reward file {path}: {where}.term is {summand.term!r}; {_nearest(summand.term, TERMS)}"
        )
    parameters = {key: value for key, value in item.items() if key not in own}
    return Weighted(_checked(kind, parameters, path, where), summand.weight, summand.label or "")


def _checked(kind: type[Model], values: Any, path: Path, where: str) -> Model:
    """Returns `values` as a `kind`.

    Raises:
        InvalidReward: They are none; tells the first thing that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InvalidReward(f"the reward file {path}: {_first(error, kind, where)}") from error


def _first(error: ValidationError, kind: type[Contract], where: str) -> str:
    first = error.errors(include_url=False)[0]
    key = where
    for part in first["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if first["type"] == "extra_forbidden":
        of, also = "", dict[str, Any]()
        if issubclass(kind, TermFunction):
            of, also = f" of the term `{kind.key}`", dict(_Summand.model_fields)
        return f"there is no key {key!r}{of}; {_nearest(str(first['loc'][-1]), kind.model_fields, also)}"
    if first["type"] == "missing":
        return f"{key} is missing; add it"
    value = repr(first["input"])
    return f"{key} is {value if len(value) <= 80 else value[:79] + '…'}: {first['msg'].removeprefix('Value error, ')}"


def _nearest(value: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """Returns the name that was meant, of those in `known` or `also`, or all of `known`."""
    names = sorted(known)
    close = get_close_matches(value, [*names, *also], n=1)
    there = f"there are: {', '.join(names)}" if names else "it takes no parameters"
    return f"did you mean `{close[0]}`?" if close else there
