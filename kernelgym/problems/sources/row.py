"""A row of a data set: the columns that are read, and the problem that they make.

The reference is in the column `reference`, in KernelBench's `code`, or in `reward_model.ground_truth`, where data sets
for reinforcement learning keep it (verl; drkernel-rl-data): as text, as a mapping, or as a mapping in JSON.
"""

import json
import re
import reprlib
from collections.abc import Mapping
from typing import Any, Final, TypeGuard, get_args

from kernelgym.errors import InvalidReference
from kernelgym.problems.problem import TAG, Difficulty, Problem
from kernelgym.problems.reference_file import as_part_of_id, make_problem
from kernelgym.problems.sources.kernelbench import DIFFICULTY_OF_LEVEL, title_of

MAX_ROWS: Final = 100_000
"""Most rows that one term of a selection reads."""

SOURCE_COLUMNS: Final = ("reference", "code", "reward_model")
"""Where the reference is looked for, in this order."""

COLUMNS: Final = (
    *SOURCE_COLUMNS, "id", "problem_id", "title", "name", "tags", "level", "difficulty", "entry_point", "extra_info",
)  # fmt: skip
"""All columns that are read; others are left alone."""

INNER_KEYS: Final = ("reference", "reference_code", "pytorch_code", "python_code", "code", "source")
"""Where a mapping in `ground_truth` has the reference."""

MAX_ROW_TAGS: Final = 20
"""Most tags that a row may have: there are those of the set and of the kind of work, too."""


def problem_from_row(row: Mapping[str, Any], prefix: str, number: int, tags: tuple[str, ...] = ()) -> Problem:
    """Returns the problem `<prefix>/<id, problem_id or number>` of a row.

    Args:
        row: Values by column; None counts as absent.
        prefix: What its id starts with.
        number: Of the row, from 1.
        tags: Of the whole set.

    Raises:
        InvalidReference: if the row has no reference, the reference can't be one, or another column makes no sense.
    """
    name = f"{prefix}/{number}"
    if not isinstance(row, Mapping):
        raise InvalidReference(name, f"is a {type(row).__name__}", "make each row an object with a `reference`")
    level = _level(row, name)
    title = next((text for key in ("title", "name") if _is_text(text := row.get(key))), f"Row {number}")
    return make_problem(
        f"{prefix}/{_own_id(row, number, name)}",
        _source(row, name),
        title=title_of(title),
        name=name,
        level=level,
        difficulty=_difficulty(row, level, name),
        tags=(*tags, *([f"level{level}"] if level else []), *_tags(row, name)),
    )


def _source(row: Mapping[str, Any], name: str) -> str:
    for column in SOURCE_COLUMNS:
        value = row.get(column)
        if column == "reward_model" and isinstance(value, Mapping):
            value = _unpacked(value.get("ground_truth"))
        if _is_text(value):
            return _with_model(value, row)
    problem = "has no reference"
    raise InvalidReference(name, problem, "give it a column `reference`, `code` or `reward_model.ground_truth`")


def _unpacked(value: Any) -> Any:
    """Returns the text in a `ground_truth`: itself, or what a mapping or JSON has under one of `INNER_KEYS`."""
    if _is_text(value) and value.lstrip()[0] in '{"':
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, Mapping):
        return next((value[key] for key in INNER_KEYS if _is_text(value.get(key))), None)
    return value


def _with_model(source: str, row: Mapping[str, Any]) -> str:
    """Returns a source in which the class that `entry_point` names is also called `Model`, unless there is one."""
    info = row.get("extra_info")
    entry = row.get("entry_point") or (info.get("entry_point") if isinstance(info, Mapping) else None)
    if not _is_text(entry) or not entry.isidentifier() or re.search(r"^(class )?Model\b", source, re.MULTILINE):
        return source
    return f"{source.rstrip()}\n\n\nModel = {entry}\n"


def _own_id(row: Mapping[str, Any], number: int, name: str) -> str:
    for column in ("id", "problem_id"):
        value = row.get(column)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise InvalidReference(name, f"has the {column} {reprlib.repr(value)}", "make it a text or a whole number")
        return as_part_of_id(str(value).strip())
    return str(number)


def _level(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get("level")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000):
        return value
    raise InvalidReference(name, f"has the level {reprlib.repr(value)}", "make it a whole number from 1")


def _difficulty(row: Mapping[str, Any], level: int | None, name: str) -> Difficulty:
    value = row.get("difficulty")
    if value is None:
        return DIFFICULTY_OF_LEVEL.get(level or 0, "medium")
    for known in get_args(Difficulty):
        if value == known:
            return known  # type: ignore[no-any-return]  # mypy does not follow get_args
    raise InvalidReference(
        name, f"has the difficulty {reprlib.repr(value)}", f"make it {' or '.join(get_args(Difficulty))}"
    )


def _tags(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get("tags")
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tag, str) and re.fullmatch(TAG, tag) for tag in value):
        raise InvalidReference(name, f"has the tags {reprlib.repr(value)}", "make them a list of lower-case words")
    if len(value) > MAX_ROW_TAGS:
        raise InvalidReference(name, f"has {len(value)} tags", f"give it at most {MAX_ROW_TAGS}")
    return tuple(value)


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())
