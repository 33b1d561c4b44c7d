"""Writes ``docs/operations.md`` from the tables of the executor."""

from collections import defaultdict
from pathlib import Path

from sandboxes.ttir.coverage import FOREIGN, SINCE, STRUCTURE, UNSUPPORTED, UNTIL
from sandboxes.ttir.operations import libdevice
from sandboxes.ttir.table import CONSTANT, DENSE, LAZY, RUN

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
HEAD = """# Operations

Every operation of Triton 3.6 to 3.9 in TTIR, and whether the executor runs it. Made by
`python -m tests.sandboxes.ttir.write_operations`; a test fails when this page is stale, and another when the installed
Triton registers an operation that is not here. What an unsupported operation costs a candidate: outcome `unsupported`,
with the operation and its source line.
"""


def _versions(name: str) -> str:
    if name in UNTIL:
        return f"until {UNTIL[name]}"
    return f"since {SINCE[name]}" if name in SINCE else ""


def page() -> str:
    """The text of the page."""
    executed = {*DENSE, *LAZY, *RUN, *CONSTANT}
    rows: dict[str, list[str]] = defaultdict(list)
    for name in sorted(executed | set(STRUCTURE) | set(UNSUPPORTED)):
        runs = "no" if name in UNSUPPORTED else "yes"
        note = UNSUPPORTED.get(name) or STRUCTURE.get(name) or ""
        parts = [part for part in (note, _versions(name)) if part]
        rows[name.partition(".")[0]].append(f"| `{name}` | {runs} | {'; '.join(parts)} |")
    text = [HEAD]
    for dialect in sorted(rows):
        text += [f"## {dialect}", "", "| operation | runs | note |", "|---|---|---|", *rows[dialect], ""]
    text += ["## Dialects outside TTIR", "", "Nothing but what is listed above runs.", ""]
    text += ["| dialect | where it belongs |", "|---|---|", *(f"| `{d}` | {why} |" for d, why in FOREIGN.items()), ""]
    known = len(libdevice.SYMBOLS)
    text += ["## libdevice", "", f"`tt.extern_elementwise` knows {known} symbols: all that Triton declares, except", ""]
    text += ["| symbol | why not |", "|---|---|"]
    text += [f"| `{symbol}` | {why} |" for symbol, why in sorted(libdevice.UNSUPPORTED.items())]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
