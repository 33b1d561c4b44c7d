"""Commands that other packages add: entry points of the group `kernelgym.commands`.

    [project.entry-points."kernelgym.commands"]
    run = "policies.cli:run"

The name is the command's; the object is a function with typer's annotations, or a `typer.Typer` of several commands.
It is loaded for `kernelgym --help`, too, so its module must be quick to import.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup

from kernelgym.cli.exits import complain

COMMANDS: Final = "kernelgym.commands"


class ExtensibleGroup(TyperGroup):
    """A group that has the installed packages' commands after its own; its own can't be replaced."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names, own commands first."""
        own = super().list_commands(ctx)
        return own + [name for name in sorted(installed_commands()) if name not in own]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Returns the command; None if there is none, or if it can't be loaded, which is said on standard error."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in installed_commands():
            return own
        return _load(installed_commands()[cmd_name])


@cache
def installed_commands() -> dict[str, EntryPoint]:
    """Returns the entry points of installed packages by name."""
    return {point.name: point for point in entry_points(group=COMMANDS)}


def _load(point: EntryPoint) -> Any:
    try:
        found = point.load()
    except Exception as error:  # noqa: BLE001 - another package's fault must not take our own commands away
        complain(f"the command `{point.name}` ({point.value}) can't be loaded ({type(error).__name__}: {error}); "
                 "reinstall or remove the package that adds it")  # fmt: skip
        return None
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = typer.Typer(add_completion=False)
    alone.command(point.name)(found)
    return typer.main.get_command(alone)
