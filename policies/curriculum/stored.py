"""Books and samplers as files: closed, versioned JSON that is checked before it is believed, and replaced at once."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from policies.curriculum.posterior import LARGEST, SMALLEST
from policies.errors import BookUnusable
from sandboxes.contracts import Contract

MAX_BYTES: Final = 2**28
"""Largest file that is read."""

Weight = Annotated[float, Field(ge=0, le=LARGEST / 2, allow_inf_nan=False)]
Parameter = Annotated[float, Field(ge=SMALLEST, le=LARGEST / 2, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=0, le=2**53, strict=True)]
Word = Annotated[int, Field(ge=0, lt=2**128, strict=True)]
Id = Annotated[str, Field(min_length=1, max_length=1000)]


class EvidenceRecord(Contract):
    """What was seen of one problem."""

    successes: Weight
    failures: Weight
    step: Count
    attempts: Count


class BookRecord(Contract):
    """A book of difficulties."""

    schema_version: Literal[1] = 1
    success: str
    prior: tuple[Parameter, Parameter]
    per_step: Share
    per_group: Share
    step: Count
    problems: dict[Id, EvidenceRecord]

    @model_validator(mode="after")
    def _nothing_is_from_the_future(self) -> Self:
        for problem, seen in self.problems.items():
            if seen.step > self.step:
                raise ValueError(f"{problem} was seen at step {seen.step}, but the book is at step {self.step}")
        return self


class RandomRecord(Contract):
    """State of numpy's generator PCG64."""

    state: Word
    increment: Word
    has_half: bool
    half: Annotated[int, Field(ge=0, lt=2**32, strict=True)]

    @model_validator(mode="after")
    def _the_increment_is_odd(self) -> Self:
        if self.increment % 2 == 0:
            raise ValueError("the increment of PCG64 is odd")
        return self


class ThompsonRecord(Contract):
    """A Thompson sampler."""

    schema_version: Literal[1] = 1
    kind: Literal["thompson"] = "thompson"
    book: BookRecord
    random: RandomRecord
    exploration: Annotated[float, Field(ge=0, le=1)]


class UniformRecord(Contract):
    """A uniform sampler."""

    schema_version: Literal[1] = 1
    kind: Literal["uniform"] = "uniform"
    book: BookRecord
    random: RandomRecord
    waiting: tuple[Id, ...]
    """What is left of the epoch, next first."""

    @model_validator(mode="after")
    def _those_that_wait_are_known(self) -> Self:
        if len(set(self.waiting)) != len(self.waiting) or not self.book.problems.keys() >= set(self.waiting):
            raise ValueError("waiting must be ids of the book, each once")
        return self


class SamplerRecord(Contract):
    """A sampler of either kind."""

    sampler: Annotated[ThompsonRecord | UniformRecord, Field(discriminator="kind")]


Record = TypeVar("Record", bound=Contract)


def write_record(path: Path, record: Contract) -> None:
    """Replaces the file at once, and returns when it is on the disk.

    Raises:
        BookUnusable: It can't be written.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(record.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BookUnusable(f"{path} can't be written ({error.strerror or error}); give another path") from error


def read_record(path: Path, kind: type[Record]) -> Record:
    """Returns what a file holds.

    Raises:
        BookUnusable: It can't be read, is no such record, or is one of another version.
    """
    try:
        if not path.is_file():
            raise BookUnusable(f"{path} is no file; give what `save` or `kernelgym calibrate --out` wrote")
        if path.stat().st_size > MAX_BYTES:
            raise BookUnusable(f"{path} is larger than {MAX_BYTES // 2**20} MiB; it is no book of difficulties")
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BookUnusable(f"{path} can't be read ({error.strerror or error})") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "its text"
        raise BookUnusable(
            f"{path} is no {kind.__name__.removesuffix('Record').lower()} of this version ({where}: {first['msg']}); "
            "calibrate again"
        ) from error
