"""Data sets of the Hugging Face hub or of a folder, with KernelBench's columns or those of `row`."""

import re
from functools import partial
from pathlib import Path
from ssl import SSLError
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.request import urlopen

from kernelgym.errors import BadUsage
from kernelgym.problems.loaded import Intake, Loaded
from kernelgym.problems.reference_file import as_part_of_id
from kernelgym.problems.sources.row import COLUMNS, MAX_ROWS, SOURCE_COLUMNS, problem_from_row
from kernelgym.problems.sources.span import Span, splits

if TYPE_CHECKING:  # loading it takes seconds and is for those who use it
    from datasets import Dataset

PATIENCE_S: Final = 10.0
"""How long the hub may take for a sign of life."""

SAVED: Final = ("dataset_dict.json", "state.json")
"""What a folder holds that `save_to_disk` wrote."""


def load_hugging_face(address: str) -> Loaded:
    """Returns the problems `hf/<name>/<split>/<id, problem_id or row>` of a data set; rows are counted from 1.

    Args:
        address: `NAME`, `NAME@SPLIT`, either with `/ROWS` behind it: a number or a range, of each split. `NAME` is one
            of the hub, such as `ScalingIntelligence/KernelBench`, or a folder.

    Raises:
        BadUsage: if `datasets` is missing, the data set can't be had, or has no such split, column or row.
    """
    name, split, rows = _located(address)
    intake = Intake()
    wanted = 0
    for split_name, data in _splits(name, split).items():
        prefix = f"hf/{_id_of(name)}/{as_part_of_id(split_name)}"
        columns = [column for column in data.column_names if column in COLUMNS]
        if not set(columns) & set(SOURCE_COLUMNS):
            having = ", ".join(data.column_names)
            raise BadUsage(f"the data set {name}@{split_name} has no column `reference` or `code`; it has {having}")
        last = min(len(data), rows.last or len(data))
        wanted += max(0, last - rows.first + 1)
        if wanted > MAX_ROWS:
            raise BadUsage(f"the data set {address!r} has more than {MAX_ROWS} rows; give a range, e.g. /1-1000")
        tags = ("kernelbench",) if "kernelbench" in name.lower() else ()
        level = re.fullmatch(r"level_?(\d{1,3})", split_name)
        narrow = data.select_columns(columns)
        for number in range(rows.first, last + 1):
            row = narrow[number - 1]
            if level and row.get("level") is None:
                row["level"] = int(level[1])
            intake.take(f"{prefix}/{number}", partial(problem_from_row, row, prefix, number, tags))
    if not wanted:
        raise BadUsage(f"the data set {name} has no row {rows}; ask for fewer")
    return intake.loaded


def _located(address: str) -> tuple[str, str | None, Span]:
    """Returns name, split and rows; folders that exist come first, then the hub's names."""
    ways = [(text, (*spans, Span())[0]) for text, spans in splits(address, 1)]
    for text, rows in ways:
        base, _, split = text.rpartition("@")
        if _is_folder(text):
            return text, None, rows
        if base and "/" not in split and _is_folder(base):
            return base, split, rows
    text, rows = ways[-1]
    base, at, split = text.rpartition("@")
    name, split_or_none = (base, split) if at else (text, None)
    if name.startswith((".", "/", "~")):
        raise BadUsage(f"{name!r} is no folder; give the path of a data set, or the name of one on the hub")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII) or split_or_none == "":
        raise BadUsage(f"{address!r} is no data set; give hf:OWNER/NAME, hf:OWNER/NAME@SPLIT or hf:FOLDER")
    return name, split_or_none, rows


def _is_folder(text: str) -> bool:
    return bool(text) and Path(text).expanduser().is_dir()


def _id_of(name: str) -> str:
    if _is_folder(name):
        return as_part_of_id(Path(name).expanduser().resolve().name)
    return "/".join(map(as_part_of_id, name.split("/")))


def _splits(name: str, split: str | None) -> "dict[str, Dataset]":
    """Returns the wanted splits of a data set by name.

    Raises:
        BadUsage: if it can't be had.
    """
    try:
        from datasets import DatasetDict, config, load_dataset, load_from_disk  # noqa: PLC0415 - an extra, and slow
        from datasets.exceptions import DatasetsError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise BadUsage(
            f"the data set {name!r} needs the package datasets; `pip install 'kernelgym[hf]'` installs it"
        ) from error
    folder = Path(name).expanduser()
    if not folder.is_dir() and not config.HF_HUB_OFFLINE:
        _check_reachable(name, config.HF_ENDPOINT)
    try:
        if any((folder / marker).is_file() for marker in SAVED):
            data: Any = load_from_disk(str(folder))
        else:
            data = load_dataset(str(folder) if folder.is_dir() else name)
    except (DatasetsError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        where, remedy = "had from the hub", "check its name and the network, or give a folder"
        if folder.is_dir():
            where, remedy = "read", "give a folder of data files, or one that `save_to_disk` wrote"
        raise BadUsage(f"the data set {name!r} can't be {where} ({_first_line(error)}); {remedy}") from error
    found = dict(data) if isinstance(data, DatasetDict) else {str(data.split or "train"): data}
    if split is None:
        return found
    if split not in found:
        raise BadUsage(f"the data set {name!r} has no split {split!r}; it has {', '.join(found)}")
    return {split: found[split]}


def _check_reachable(name: str, hub: str) -> None:
    """Asks the hub for a sign of life: `datasets` itself would keep trying for minutes.

    Raises:
        BadUsage: if there is none.
    """
    try:
        with urlopen(hub, timeout=PATIENCE_S):
            return
    except (HTTPError, ValueError):
        return  # it answers, or the address is for `datasets` to complain about
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, SSLError):
            return  # `datasets` brings certificates of its own
        why = getattr(reason, "strerror", None) or reason
        raise BadUsage(
            f"the data set {name!r} can't be had: {hub} can't be reached ({why}); "
            "check the network, give a folder, or set HF_HUB_OFFLINE=1 to use what has been downloaded before"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    kind = f"{type(error).__name__}: " if isinstance(error, TypeError | LookupError | AttributeError) else ""
    return f"{kind}{lines[0]}".rstrip(".")[:300]
