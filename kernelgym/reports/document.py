"""A report as one JSON object: everything the report holds, and what follows from it, under stable names."""

import json
from math import isfinite
from typing import Any, Final

from rewards import Reward
from sandboxes.contracts import Report

DERIVED: Final = ("correct", "reward", "speedup", "coverage", "reward_breakdown")
"""Fields of a document that the report itself does not have."""


def report_document(report: Report, reward: Reward | None = None) -> dict[str, Any]:
    """Returns the fields of `report` and beside them `correct`, `speedup`, `coverage`, `reward`, `reward_breakdown`.

    Standard JSON: a number that is infinite or not a number becomes the string `Infinity`, `-Infinity` or `NaN`, which
    pydantic reads back as that number.

    Args:
        report: Any report.
        reward: What it is worth; without it, `reward` is null.
    """
    derived = {
        "correct": report.correct,
        "reward": None if reward is None else reward.value,
        "speedup": report.speedup,
        "coverage": report.coverage,
        "reward_breakdown": [
            {"name": term.name, "value": term.value, "note": term.note} for term in (reward.breakdown if reward else ())
        ],
    }
    fields = report.model_dump(mode="json")
    outcome = {"outcome": fields.pop("outcome")}
    return {name: _strict(value) for name, value in (outcome | derived | fields).items()}


def read_report(document: object) -> Report:
    """Returns the report in what `report_document` returned; what follows from it is left aside.

    Raises:
        ValidationError: It is none (pydantic's).
    """
    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if name not in DERIVED}
    return Report.model_validate(document)


def dump_document(document: object) -> str:
    """Returns `document` as indented JSON text; ASCII only, so that no terminal or pipe can spoil it."""
    return json.dumps(document, indent=2, allow_nan=False)


def dump_line(document: object) -> str:
    """Returns `document` as one line of JSON; ASCII only, and numbers that JSON lacks as in `report_document`."""
    return json.dumps(_strict(document), separators=(",", ":"), allow_nan=False)


def _strict(value: Any) -> Any:
    """Returns `value` with every number that JSON lacks replaced by its name."""
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
