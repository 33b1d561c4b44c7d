"""What a terminal shows, as an SVG file."""

import os
from pathlib import Path

from rich.console import Console, RenderableType

from kernelgym.errors import BadUsage


def check_svg(path: Path, *, beside: Path | None = None) -> None:
    """Checks, before any work is done for it, that a picture can be written to `path`; writes nothing.

    Args:
        path: The file.
        beside: A folder that will have been made by then, with those above it.

    Raises:
        BadUsage: if it can't.
    """
    folder = path.parent
    if path.is_dir():
        reason = "it is a folder"
    elif folder.is_dir():
        reason = "" if os.access(path if path.exists() else folder, os.W_OK) else "permission denied"
    else:
        ahead = beside is not None and beside.absolute().is_relative_to(folder.absolute())
        reason = "" if ahead else f"there is no folder {folder}"
    if reason:
        raise BadUsage(f"the picture {path} can't be written ({reason}); give another path")


def save_svg(picture: RenderableType, path: Path, title: str, *, columns: int) -> None:
    """Writes `picture` as an SVG file.

    Args:
        picture: What is drawn.
        path: The file.
        title: Stands in the bar of the drawn window.
        columns: Width of the drawn window.

    Raises:
        BadUsage: if the file can't be written.
    """
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        recorder = Console(record=True, width=columns, file=nowhere, force_terminal=True, color_system="truecolor")
        recorder.print(picture)
    try:
        path.write_text(recorder.export_svg(title=title), encoding="utf-8")
    except OSError as error:
        raise BadUsage(f"the picture {path} can't be written ({error.strerror}); give another path") from error
