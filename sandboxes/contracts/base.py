"""What every contract has in common: frozen, closed, JSON in and out, no torch.

A contract is a value that crosses a process boundary. It is parsed before it is believed: unknown fields, wrong
types and out-of-range numbers are rejected with pydantic's `ValidationError`.
"""

from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Final = 1
"""Version of all contracts together; it grows when a stored `Report` of an older version can't be read any more."""


class Contract(BaseModel):
    """Base of all contracts: immutable, no unknown fields, and `inf`/`nan` survive the JSON round trip."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="constants", use_attribute_docstrings=True
    )
