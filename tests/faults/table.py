"""What the study found, as a table by kind of mistake and as JSON."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from tests.faults.study import Finding

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "hacks.md"
BEGIN: Final = "<!-- made by python -m tests.faults -->"
END: Final = "<!-- end of what python -m tests.faults makes -->"

HEAD = "| mistake | faults | oracle sees | judge catches | missed | caught by | usual check misses |"
RULE = "|---|---:|---:|---:|---:|---|---:|"


def table(findings: Sequence[Finding]) -> str:
    """Returns a Markdown table: a line per kind of mistake, and the total."""
    ordered = sorted(findings, key=lambda finding: str(finding.fault.family))
    lines = [_line(family, list(group)) for family, group in groupby(ordered, key=lambda item: str(item.fault.family))]
    return "\n".join([HEAD, RULE, *lines, _line("**all**", ordered)])


def rewritten(text: str, findings: Sequence[Finding]) -> str:
    """Returns the document with this table in the place of the old one."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(findings)}\n\n{END}{after}"


def stated(text: str) -> dict[str, int]:
    """Returns how many faults the document's table states, by kind of mistake; the total is `**all**`."""
    _, _, rest = text.partition(BEGIN)
    rows = (line.split(" | ") for line in rest.partition(END)[0].splitlines() if line.startswith("| "))
    return {row[0].removeprefix("| "): int(row[1]) for row in rows if row[1].isdigit()}


def _line(name: str, findings: Sequence[Finding]) -> str:
    visible = [finding for finding in findings if finding.visible]
    layers = Counter(finding.layer for finding in findings if finding.caught)
    words = ", ".join(f"{layer} {count}" for layer, count in layers.most_common())
    cells = [
        name,
        len(findings),
        len(visible),
        sum(finding.caught for finding in findings),
        sum(finding.missed for finding in findings),
        words or "-",
        usual_misses(visible),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def usual_misses(findings: Sequence[Finding]) -> int:
    """Returns how many faults the usual check lets pass."""
    return sum(finding.examined.usual_passes is True for finding in findings)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Returns everything as JSON."""
    visible = [finding for finding in findings if finding.visible]
    return {
        "faults": [finding.document for finding in findings],
        "summary": {
            "injected": len(findings),
            "visible": len(visible),
            "caught": sum(finding.caught for finding in findings),
            "caught_of_visible": sum(finding.caught for finding in visible),
            "missed": sum(finding.missed for finding in findings),
            "usual_check_misses": usual_misses(visible),
            "usual_check_undecided": sum(finding.examined.usual_passes is None for finding in visible),
        },
    }
