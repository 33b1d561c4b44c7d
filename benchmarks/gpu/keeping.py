"""Results as files, which say what they were measured on; what was simulated never looks as if it had been measured."""

import json
import re
import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu.setting import Setting
from benchmarks.machine import machine
from sandboxes.contracts import Clocks, Report

RESULTS: Final = Path(__file__).parents[1] / "results"
"""Where measured results are kept."""


class NotMeasured(ValueError):
    """Times of a simulated GPU were about to be kept as measured ones."""


def keep(name: str, found: Mapping[str, Any], setting: Setting, folder: Path | None, *, simulates: bool) -> Path | None:
    """Writes what a benchmark found, and its `markdown` beside it, if it has one.

    Args:
        name: Of the benchmark.
        found: Its numbers.
        setting: With which it ran.
        folder: Where to; None: to `RESULTS` if it was measured, otherwise nowhere.
        simulates: The benchmark makes its times up whatever GPU there is.

    Returns:
        The file, or None if there is none.

    Raises:
        NotMeasured: It ran on a GPU, but some time in it was made up.
    """
    simulated = setting.facts.simulated or simulates
    if not simulated and found.get("simulated_reports"):
        raise NotMeasured(
            f"{found['simulated_reports']} times of `{name}` were made up, though {setting.facts.title} is there"
        )
    if simulated and folder is None:
        return None
    folder = RESULTS if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    device = "simulated" if simulated else slug(setting.facts.title)
    path = folder / f"gpu-{device}-{name}.json"
    numbers = {key: value for key, value in found.items() if key != "markdown"}
    path.write_text(
        json.dumps(document(name, numbers, setting, simulated=simulated), indent=2) + "\n", encoding="utf-8"
    )
    if "markdown" in found:
        title = "a simulated GPU" if simulated else setting.facts.title
        path.with_suffix(".md").write_text(f"# {name}: {title}\n\n{found['markdown']}", encoding="utf-8")
    return path


def document(name: str, found: Mapping[str, Any], setting: Setting, *, simulated: bool) -> dict[str, Any]:
    """Returns everything that has to stand next to a number."""
    facts = setting.facts
    return {
        "benchmark": name,
        "simulated": simulated,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "quick": setting.quick,
        "gpu": {
            "title": "simulated" if simulated else facts.title,
            "uuid": facts.uuid,
            "arch": facts.arch,
            "multiprocessors": facts.multiprocessors,
            "memory_gib": round(facts.memory_bytes / 2**30, 1),
            "l2_mib": round(facts.l2_bytes / 2**20, 1),
            "target": setting.target,
            "versions": facts.versions,
        },
        "machine": machine(),
        "found": dict(found),
    }


def slug(title: str) -> str:
    """Returns a title as it may stand in the name of a file: `nvidia-h200`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def simulated_reports(reports: Iterable[Report]) -> int:
    """Returns how many profiles a simulated GPU made up."""
    measurements = (report.profile.measurement for report in reports if report.profile is not None)
    return sum(measurement is not None and measurement.simulated for measurement in measurements)


def clocks(reports: Iterable[Report]) -> dict[str, Any] | None:
    """Returns what clocks, heat and power were while the reports' times were measured; None without NVML."""
    seen: list[Clocks] = [
        report.profile.measurement.clocks
        for report in reports
        if report.profile is not None
        and report.profile.measurement is not None
        and report.profile.measurement.clocks is not None
    ]
    if not seen:
        return None
    middle = {
        name: round(statistics.median(getattr(item, name) for item in seen), 1)
        for name in ("sm_mhz", "memory_mhz", "temperature_c", "power_w")
    }
    return {
        **{f"{name}_median": value for name, value in middle.items()},
        "sm_mhz_least": min(item.sm_mhz for item in seen),
        "sm_mhz_most": max(item.sm_mhz for item in seen),
        "may_have_sm_mhz": seen[0].most_sm_mhz,
        "throttled": sorted({reason for item in seen for reason in item.throttled}),
    }
