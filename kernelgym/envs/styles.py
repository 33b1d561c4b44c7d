"""Styles: the templates by which an agent is told its task, the feedback, and what it did before.

A style is a preset, or a folder with templates of one's own: `task.md.jinja`, `feedback.md.jinja`, `history.md.jinja`.
What is missing there is taken from `compact`, and `{% extends "compact/feedback.md.jinja" %}` works. Templates lay out
the facts in `kernelgym.envs.facts` and are sandboxed; text of candidates is data in them, never a template.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType, UnionType
from typing import Any, Final, get_args, get_type_hints

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from kernelgym.envs.facts import Feedback, PastTurn, Task
from kernelgym.envs.quoting import fenced
from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.problems.filters import unknown
from kernelgym.reports.wording import factor, microseconds, percent, quantity

PRESETS: Final = ("compact", "drkernel")
"""Styles with a name."""

BASE: Final = "compact"
"""Preset that a folder's missing templates are taken from."""

MIN_TOKENS: Final[Mapping[str, int]] = MappingProxyType({"compact": 60, "drkernel": 200})
"""Smallest budget of a preset's feedback: the verdict, a few words on what to fix, and what comes next.

The JSON of `drkernel` takes 115 to 130 tokens without a message, and up to 160 with 12 characters of a hostile one.
"""

SUFFIX: Final = ".md.jinja"
VARIABLES: Final[Mapping[str, tuple[str, type]]] = MappingProxyType(
    {"task": ("task", Task), "feedback": ("feedback", Feedback), "history": ("turn", PastTurn)}
)
"""By the name of a template: the variable it is given."""

MAX_TEMPLATE: Final = 2**18
"""Bytes of a template of one's own."""

_FOLDER: Final = Path(__file__).parent / "templates"


class Style:
    """The templates of one style, read when it was first asked for.

    Raises:
        BadUsage: There is no such style, or one of its templates can't be used.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._own = {part: _source_of(name, part) for part in VARIABLES}
        self._environment = SandboxedEnvironment(
            loader=FunctionLoader(self._load), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters.update(
            fenced=fenced, factor=factor, json=_json, microseconds=microseconds, number=_number, percent=percent,
            quantity=quantity,
        )  # fmt: skip
        self._used: dict[str, str] = {}
        for part in VARIABLES:
            self._check(part + SUFFIX, part)
            self._environment.get_template(part + SUFFIX)

    @property
    def identity(self) -> str:
        """Digest of all templates in use: equal exactly if all texts are."""
        return hashlib.sha256(json.dumps(sorted(self._used.items())).encode()).hexdigest()[:16]

    def render(self, part: str, facts: Task | Feedback | PastTurn) -> str:
        """Returns a template filled in; blank lines around it are left out.

        Raises:
            BadUsage: The template fails on these facts.
        """
        variable, _ = VARIABLES[part]
        try:
            return self._environment.get_template(part + SUFFIX).render({variable: facts}).strip("\n")
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            where = _place(error.__traceback__) or f"template {part + SUFFIX}"
            raise BadUsage(f"{where}, of style {self.name!r} fails: {error}") from error

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """Returns a template's text: one of this style, or of a preset by `compact/feedback.md.jinja`."""
        preset, _, file = name.rpartition("/")
        part = file.removesuffix(SUFFIX)
        if part not in VARIABLES or preset not in ("", *PRESETS):
            return None
        source = _source_of(preset, part) if preset else self._own[part]
        return source, name, None

    def _check(self, name: str, part: str) -> None:
        """Checks a template and all that it is made of, before anything is rendered."""
        if name in self._used:
            return
        loaded = self._load(name)
        if loaded is None:
            there = ", ".join(f"{preset}/{each}{SUFFIX}" for preset in PRESETS for each in VARIABLES)
            raise BadUsage(f"style {self.name!r} refers to the template {name!r}; there are {there}")
        self._used[name] = loaded[0]
        try:
            tree = self._environment.parse(loaded[0])
            self._environment.compile(tree)
        except TemplateSyntaxError as error:
            raise BadUsage(self._at(name, error.lineno, str(error.message))) from error
        variable, kind = VARIABLES[part]
        for used in sorted(meta.find_undeclared_variables(tree) - {variable}):
            line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == used), 1)
            raise BadUsage(self._at(name, line, f"there is no variable {used!r}; there is {variable!r}"))
        for node in tree.find_all(nodes.Getattr):
            owner = _kind_of(node.node, variable, kind)
            known = {field.name for field in fields(owner)} if owner is not None else {node.attr}
            if node.attr not in known:
                there = ", ".join(sorted(known))
                guess = did_you_mean(node.attr, known)
                remedy = f"{guess} There are {there}" if guess else f"there are {there}"
                raise BadUsage(self._at(name, node.lineno, f"{_path(node.node)} has no {node.attr!r}; {remedy}"))
        for other in meta.find_referenced_templates(tree):
            if other is None:
                raise BadUsage(self._at(name, 1, "the name of a template it refers to is not a constant"))
            self._check(other, other.rpartition("/")[2].removesuffix(SUFFIX))

    def _at(self, name: str, line: int, problem: str) -> str:
        return f"template {name}, line {line}, of style {self.name!r}: {problem}"


@cache
def get_style(name: str) -> Style:
    """Returns a style by the name of a preset or the path of a folder.

    Templates are read once in a process: a style does not change while it is used.

    Raises:
        BadUsage: There is none, or one of its templates can't be used.
    """
    return Style(name)


def style_identity(name: str) -> str:
    """Returns a digest of the templates that a style consists of: the same name and digest, the same texts.

    Raises:
        BadUsage: There is no such style, or one of its templates can't be used.
    """
    return get_style(name).identity


def least_tokens(name: str) -> int:
    """Returns the smallest budget of a style's feedback; of a folder, whose texts nobody knows, that of `BASE`."""
    return MIN_TOKENS.get(name, MIN_TOKENS[BASE])


def _source_of(style: str, part: str) -> str:
    """Returns the text of a template.

    Raises:
        BadUsage: There is no such style, or the file can't be read.
    """
    if style in PRESETS:
        return (_FOLDER / style / (part + SUFFIX)).read_text(encoding="utf-8")
    folder = Path(style)
    if not folder.is_dir():
        raise BadUsage(f"{unknown('style', style, PRESETS)}, or give the path of a folder with templates")
    own = folder / (part + SUFFIX)
    if not any((folder / (each + SUFFIX)).exists() for each in VARIABLES):
        names = ", ".join(each + SUFFIX for each in VARIABLES)
        raise BadUsage(f"the folder {style!r} holds no template; put one of {names} into it")
    if not own.exists():
        return _source_of(BASE, part)
    try:
        with own.open("rb") as file:
            raw = file.read(MAX_TEMPLATE + 1)
        if len(raw) > MAX_TEMPLATE:
            raise BadUsage(f"the template {str(own)!r} is larger than {MAX_TEMPLATE // 1024} KiB; shorten it")
        return raw.decode().replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"the template {str(own)!r} can't be read: {error}") from error


def _kind_of(expression: nodes.Node, variable: str, kind: type[Any]) -> type[Any] | None:
    """Returns the kind of facts that `variable`, or a field of it like `feedback.fix`, stands for; None of others."""
    if isinstance(expression, nodes.Name):
        return kind if expression.name == variable else None
    if not isinstance(expression, nodes.Getattr):
        return None
    owner = _kind_of(expression.node, variable, kind)
    hint = None if owner is None else get_type_hints(owner).get(expression.attr)
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((each for each in kinds if isinstance(each, type) and is_dataclass(each)), None)


def _path(expression: nodes.Node) -> str:
    """Returns what `_kind_of` knows, as it is written."""
    if isinstance(expression, nodes.Getattr):
        return f"{_path(expression.node)}.{expression.attr}"
    return expression.name if isinstance(expression, nodes.Name) else ""


def _json(value: Any) -> str:
    """Returns JSON to read; of numbers, three digits: further ones can depend on secret values."""
    return json.dumps(_rounded(value), indent=2, ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _place(trace: TracebackType | None) -> str | None:
    """Returns the innermost line of a template in a traceback."""
    place = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(SUFFIX):
            place = f"template {file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
