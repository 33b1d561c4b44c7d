"""Answers as bytes: contracts dumped once, and always JSON that any parser reads."""

import json
import math
from typing import Any

from fastapi import Response
from pydantic import BaseModel


def to_json(value: BaseModel) -> bytes:
    """Returns a contract as JSON. Numbers that are none are strings (`"Infinity"`, `"NaN"`), which contracts read."""
    text = value.model_dump_json()
    if "Infinity" in text or "NaN" in text:
        text = json.dumps(_finite(value.model_dump(mode="json")), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def reply(value: BaseModel, status: int = 200) -> Response:
    """Returns a response with a contract."""
    return Response(to_json(value), status, media_type="application/json")


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
        case _:
            return value
