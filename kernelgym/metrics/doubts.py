"""Why two runs may differ in more than their policy."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kernelgym.runs.run_record import RunRecord

COMPARED: Final = frozenset(
    {"policy", "policy_options", "samples", "seed", "problems", "data_seed", "confirm", "schema_version"}
)
"""Fields of a `RunRecord` in which runs may differ and still be compared, or that are looked at by themselves."""

MAX_NAMED: Final = 3
"""Problems that a warning names."""


def reasons_for_doubt(baseline: RunRecord, other: RunRecord) -> list[str]:
    """Returns one phrase for each thing, other than the policy, in which two runs differ: `turns: 3 and 5`."""
    mine, theirs = _flat(baseline.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    found = [
        f"{name}: {_shown(mine.get(name))} and {_shown(theirs.get(name))}"
        for name in [*mine, *(name for name in theirs if name not in mine)]
        if name.partition(".")[0] not in COMPARED and mine.get(name) != theirs.get(name)
    ]
    if baseline.data_seed != other.data_seed:
        found.append("seeds of the input values; runs with the same --data-seed see the same values")
    if changed := sorted(
        name for name, digest in baseline.problems.items() if other.problems.get(name, digest) != digest
    ):
        found.append(f"the references of {_some(changed)}, which are left out")
    for here, there, whose in ((baseline, other, "the first"), (other, baseline, "the second")):
        if extra := sorted(here.problems.keys() - there.problems.keys()):
            found.append(f"problems that only {whose} has, left out: {_some(extra)}")
    return found


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + rest
