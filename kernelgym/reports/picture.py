"""What a terminal shows, as an SVG file."""

from pathlib import Path

from rich.console import Console, RenderableType

from kernelgym.errors import BadUsage


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
