"""Writes rows into one file, Parquet or JSON lines by its name; whoever is killed meanwhile leaves the old one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from kernelgym.errors import BadUsage
from kernelgym.reports.document import dump_line
from kernelgym.runs.export.rows import CHAT, TURN_FIELDS, TURNS, Row

SUFFIXES: Final = (".parquet", ".jsonl")

GROUP_CHARACTERS: Final = 2**25
"""Text in one row group of a Parquet file; more than one row goes over it by that row only."""


class Writer(Protocol):
    """Takes rows one by one."""

    def write(self, row: Row) -> None:
        """Adds a row."""
        ...


@contextmanager
def open_writer(path: Path, columns: Mapping[str, str]) -> Iterator[Writer]:
    """Opens a writer of rows with these columns; the file is there when the block ends without an error.

    Raises:
        BadUsage: Its name ends in none of `SUFFIXES`, pyarrow is missing, or it can't be written.
    """
    check_suffix(path)
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = _parquet(draft, columns) if path.suffix == ".parquet" else _lines(draft)
        with opened as writer:
            yield writer
        draft.replace(path)
    except OSError as error:
        raise BadUsage(f"{path} can't be written ({error.strerror or error}); give another --out") from error
    finally:
        draft.unlink(missing_ok=True)


def check_suffix(path: Path) -> None:
    """Checks that a file of this name can be written.

    Raises:
        BadUsage: Its name ends in none of `SUFFIXES`.
    """
    if path.suffix not in SUFFIXES:
        raise BadUsage(f"--out is {str(path)!r}; give a name that ends in {' or '.join(SUFFIXES)}")


class _Lines:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        self._file.write(dump_line(row) + "\n")


@contextmanager
def _lines(path: Path) -> Iterator[Writer]:
    with path.open("w", encoding="ascii") as file:
        yield _Lines(file)


class _Groups:
    """Collects rows until they are worth a row group: text of more than 2 GiB in one would not fit."""

    def __init__(self, arrow: Any, parquet: Any, schema: Any) -> None:
        self._arrow, self._parquet, self._schema = arrow, parquet, schema
        self._rows: list[Row] = []
        self._characters = 0

    def write(self, row: Row) -> None:
        self._rows.append(row)
        self._characters += len(json.dumps(row, ensure_ascii=False))
        if self._characters >= GROUP_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._parquet.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._characters = [], 0


@contextmanager
def _parquet(path: Path, columns: Mapping[str, str]) -> Iterator[Writer]:
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BadUsage(
            "Parquet needs the package pyarrow; `pip install 'kernelgym[hf]'` installs it, or give --out FILE.jsonl"
        ) from error
    schema = pyarrow.schema([(name, _type(pyarrow, kind)) for name, kind in columns.items()])
    with ParquetWriter(path, schema, compression="zstd") as parquet:
        groups = _Groups(pyarrow, parquet, schema)
        yield groups
        groups.flush()


def _type(arrow: Any, kind: str) -> Any:
    if kind == CHAT:
        return arrow.list_(arrow.struct([("role", arrow.string()), ("content", arrow.string())]))
    if kind == TURNS:
        return arrow.list_(arrow.struct([(name, _type(arrow, of)) for name, of in TURN_FIELDS.items()]))
    plain = {
        "text": arrow.string(), "integer": arrow.int64(), "integers": arrow.list_(arrow.int64()),
        "number": arrow.float64(), "truth": arrow.bool_(),
    }  # fmt: skip
    return plain[kind]
