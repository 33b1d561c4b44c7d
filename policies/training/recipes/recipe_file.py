"""Reads a recipe: YAML plus `key=value` overrides; whatever is wrong is told with file, line and a suggestion."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from kernelgym.errors import BadUsage, did_you_mean

Place = tuple[str | int, ...]
"""Where a value is: keys and indices from the outside in."""

Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES: Final = 2**20
"""Largest recipe."""

FLOAT: Final = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
"""What is a number here; YAML 1.1 takes `1e-5` for a text."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # the package is untyped
    """YAML's data without dates, as JSON has none either; `off` and `no` are texts, as in YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("timestamp", "float", "bool"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


class Source:
    """A recipe's values, and where each was written.

    Args:
        path: Of the YAML file.
        overrides: `key=value` texts; dots lead into sections, the value is YAML.

    Raises:
        BadUsage: The file can't be read, is no YAML mapping, names a key twice, or an override is none.
    """

    def __init__(self, path: Path, overrides: Sequence[str] = ()) -> None:
        self.path = path
        self._places: dict[Place, str] = {}
        self.values: dict[str, Any] = self._read()
        for text in overrides:
            self._override(text)

    def where(self, place: Place) -> str:
        """Returns file and line, or the override, of a value; of what surrounds it, if it was not written."""
        for length in range(len(place), -1, -1):
            if place[:length] in self._places:
                return self._places[place[:length]]
        return str(self.path)

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
            text = raw.decode("utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadUsage(f"the recipe {self.path} can't be read ({reason}); give a YAML file, e.g. one of "
                           "examples/recipes") from error  # fmt: skip
        if len(raw) > MAX_BYTES:
            raise BadUsage(f"the recipe {self.path} is larger than {MAX_BYTES // 2**20} MiB; give a YAML file")
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise BadUsage(f"the recipe {self.path} is no mapping; begin with a line such as `algorithm: trloo`")
            for place, line in _lines(node, ()):
                if place in self._places:
                    raise BadUsage(f"{self.path}:{line}: {_dotted(place)} is given twice; give it once")
                self._places[place] = f"{self.path}:{line}"
            values = loader.construct_document(node)
        except yaml.YAMLError as error:
            raise BadUsage(f"the recipe {self.path} is no YAML: {_first_line(error)}") from error
        return _checked(values, str(self.path))

    def _override(self, text: str) -> None:
        key, equals, value = text.partition("=")
        names = key.split(".")
        if not equals or not all(names):
            raise BadUsage(f"the override is {text!r}; give a key and a value, e.g. trainer.learning_rate=1e-5")
        try:
            parsed = yaml.load(value, Loader=_Loader)
        except yaml.YAMLError as error:
            raise BadUsage(f"the value of the override {text!r} is no YAML: {_first_line(error)}") from error
        section = self.values
        for depth, name in enumerate(names[:-1]):
            inner = section.get(name)
            if inner is None:
                inner = section[name] = {}
            if not isinstance(inner, dict):
                raise BadUsage(f"the override {text!r} leads into {_dotted(tuple(names[: depth + 1]))}, which is "
                               f"{inner!r} and no section")  # fmt: skip
            section = inner
        section[names[-1]] = parsed
        self._places[tuple(names)] = f"override {text}"


def read_as(source: Source, adapter: TypeAdapter[Model], tag: str) -> Model:
    """Returns the recipe that a source describes. Values have the right type as they stand: `"3"` is no number.

    Args:
        source: The values.
        adapter: Of the models among which the key `tag` decides.
        tag: That key.

    Raises:
        BadUsage: A key is missing or unknown, or a value can't be used; the first of them, with its place.
    """
    try:
        return adapter.validate_json(json.dumps(source.values), strict=True)
    except ValidationError as error:
        raise BadUsage(_explain(error, source, adapter, tag)) from None


def _explain(error: ValidationError, source: Source, adapter: TypeAdapter[Any], tag: str) -> str:
    every = error.errors(include_url=False)
    first = min(every, key=lambda one: one["type"] != "extra_forbidden")  # a misspelling also leaves its key missing
    definitions = adapter.json_schema()["$defs"].values()
    choices = sorted(
        choice["properties"][tag]["const"] for choice in definitions if tag in choice.get("properties", {})
    )
    place: Place = first["loc"]
    if place and place[0] in choices:
        place = place[1:]
    shown, where = _dotted(place), source.where(place)
    kind = first["type"]
    if kind.startswith("union_tag"):
        given = source.values.get(tag)
        if given is None:
            return f"{where}: the key `{tag}` is missing; add `{tag}: {' | '.join(choices)}`"
        return f"{source.where((tag,))}: {tag} is {given!r}; {did_you_mean(str(given), choices) or _there_are(choices)}"
    if kind == "extra_forbidden":
        known = _keys(adapter, str(source.values.get(tag)), place[:-1])
        remedy = did_you_mean(str(place[-1]), known) or _there_are(known)
        inside = f"the section `{_dotted(place[:-1])}`" if place[:-1] else "a recipe"
        return f"{where}: {inside} has no key `{place[-1]}`; {remedy}"
    if kind == "missing":
        return f"{where}: the key `{shown}` is missing; add it there, or give {shown}=VALUE"
    reason = first["msg"].removeprefix("Value error, ")
    if kind == "value_error":  # begins with the key that it is about
        return f"{source.where(tuple(reason.partition(' ')[0].split('.')))}: {reason}"
    return f"{where}: {shown} is {json.dumps(first['input'], default=str)[:80]}: {reason[:1].lower()}{reason[1:]}"


def _keys(adapter: TypeAdapter[Any], choice: str, place: Place) -> list[str]:
    """Returns the keys that a section knows, from the schema."""
    schema = adapter.json_schema()
    definitions = schema["$defs"]
    name = schema["discriminator"]["mapping"][choice]
    section = definitions[name.rsplit("/", 1)[-1]]
    for step in place:
        inner = section.get("properties", {}).get(step, {})
        options = [inner, *inner.get("anyOf", ())]
        named = next((option["$ref"] for option in options if "$ref" in option), None)
        if named is None:
            return []
        section = definitions[named.rsplit("/", 1)[-1]]
    return list(section.get("properties", {}))


def _lines(node: Any, place: Place, open_: frozenset[int] = frozenset()) -> Iterator[tuple[Place, int]]:
    """Yields each value's place and the line of its key, counted from 1; the whole begins at its first line."""
    if id(node) in open_:  # an alias of what surrounds it
        return
    inside = open_ | {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _lines(value, here, inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index), inside)


def _checked(values: Any, where: str) -> dict[str, Any]:
    """Returns the values if JSON can hold them."""
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadUsage(f"{where} holds what no recipe can ({error}); give plain numbers, texts and lists") from error
    return dict(values)


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def _there_are(names: Sequence[str]) -> str:
    return f"there are {', '.join(names)}" if names else "there is none"


def _first_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{place}{getattr(error, 'problem', None) or str(error).splitlines()[0]}"
