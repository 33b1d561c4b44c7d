"""The scripts that run inside of Redis: each is one atomic step of the ledger; `prelude.lua` stands before all."""

from importlib.resources import files
from typing import Final

PRELUDE: Final = "prelude"


def script(name: str) -> str:
    """Returns the text of the script `name`, prelude included."""
    folder = files(__name__)
    return "".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in (PRELUDE, name))
