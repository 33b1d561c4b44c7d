"""What TRL leaves out of a checkpoint and a resumed training needs to be the same as one that was not interrupted.

A batch of episodes serves several updates. TRL forgets it: resumed between two of them, it plays anew with the present
policy, and from then on plays at other steps than it would have.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kernelgym.errors import BadUsage

Buffer = list[dict[str, Tensor]]
"""TRL's parts of the batch that is being learned from."""


def save_progress(folder: Path, rank: int, size: int, progress: dict[str, Any], buffer: Buffer | None) -> None:
    """Writes what one process needs to go on.

    Args:
        folder: Of the checkpoint.
        rank: Of the process.
        size: Number of processes.
        progress: Plain data.
        buffer: None if the next step plays a new batch anyway.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if buffer is not None:
        torch.save(buffer, folder / f"batch-{rank}.pt")
    _file(folder, rank).write_text(
        json.dumps({"processes": size, "buffered": buffer is not None, **progress}) + "\n", encoding="utf-8"
    )


def load_progress(folder: Path, rank: int, size: int, device: torch.device) -> tuple[dict[str, Any], Buffer | None]:
    """Returns what `save_progress` wrote.

    Raises:
        BadUsage: It wrote nothing there, or for another number of processes.
    """
    path = _file(folder, rank)
    try:
        progress = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadUsage(
            f"{folder} can't be resumed: {path.name} is missing or broken ({error}); give a checkpoint that "
            "TRLOOTrainer wrote with as many processes and without save_only_model"
        ) from error
    if progress["processes"] != size:
        raise BadUsage(
            f"{folder} was written by {progress['processes']} processes, but there are {size}; resume with as many"
        )
    buffer: Buffer | None = None
    if progress["buffered"]:
        buffer = torch.load(folder / f"batch-{rank}.pt", map_location=device, weights_only=True)
    return progress, buffer


def _file(folder: Path, rank: int) -> Path:
    return folder / f"progress-{rank}.json"
