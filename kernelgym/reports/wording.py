"""Words and units of reports: one place, so that every report and table says the same thing in the same way."""

from dataclasses import dataclass
from typing import Final

from sandboxes.contracts import Bound, NodeProfile, Outcome, Profile, ProfileSource, Report


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome for people."""

    symbol: str
    style: str
    """Rich style; the symbol and the words say the same without colour."""
    words: str


VERDICTS: Final = {
    Outcome.OK: Verdict("✓", "bold green", "correct"),
    Outcome.NO_CODE: Verdict("✗", "bold red", "no code found"),
    Outcome.SYNTAX_ERROR: Verdict("✗", "bold red", "not Python"),
    Outcome.IMPORT_ERROR: Verdict("✗", "bold red", "no usable ModelNew"),
    Outcome.UNTRACEABLE: Verdict("✗", "bold red", "not traceable"),
    Outcome.TRACE_ERROR: Verdict("✗", "bold red", "forward failed"),
    Outcome.COMPILE_ERROR: Verdict("✗", "bold red", "does not compile"),
    Outcome.LAUNCH_ERROR: Verdict("✗", "bold red", "can't be launched"),
    Outcome.MEMORY_ERROR: Verdict("✗", "bold red", "memory error"),
    Outcome.INCORRECT: Verdict("✗", "bold red", "wrong result"),
    Outcome.HACK: Verdict("⚑", "bold magenta", "hack"),
    Outcome.TIMEOUT: Verdict("✗", "bold red", "out of time"),
    Outcome.UNSUPPORTED: Verdict("?", "bold yellow", "can't be judged here"),
    Outcome.UNJUDGED: Verdict("?", "bold yellow", "priced, not judged"),
    Outcome.INFRASTRUCTURE: Verdict("!", "bold yellow", "no verdict"),
}

SIMULATED: Final = " (simulated)"
"""What the title of a simulated GPU ends in."""

BOUND_WORDS: Final = {
    Bound.DRAM: "device memory",
    Bound.L2: "L2 cache",
    Bound.SHARED: "shared memory",
    Bound.ATOMICS: "atomics",
    Bound.COMPUTE: "arithmetic",
    Bound.LATENCY: "latency",
    Bound.OCCUPANCY: "occupancy",
    Bound.LAUNCH: "launch",
    Bound.UNKNOWN: "not known",
}
PART_WORDS: Final = {
    "dram": "device memory",
    "l2": "L2 cache",
    "lsu": "load/store units",
    "shared": "shared memory",
    "atomics": "atomics",
    "tensor": "tensor cores",
    "fp32": "FMA pipe",
    "fp64": "FP64 pipe",
    "special": "special functions",
    "latency": "latency",
    "start": "starting blocks",
    "overhead": "launch",
}
"""Keys of `NodeProfile.parts_us`, in the order in which they are shown."""
PIPES: Final = ("tensor", "fp32", "fp64", "special")
"""Parts that compute."""

EVEN: Final = 0.005
"""Relative difference to 1 below which a speedup is called neither faster nor slower."""


FEW_PROBLEMS: Final = 20
"""Problems below which the bootstrap's intervals are said to be too narrow; docs/metrics.md has the simulations."""


def doubt_intervals(problems: int) -> str:
    """Returns what is to be said of intervals over so few problems; empty if they are enough, or none."""
    if not 0 < problems < FEW_PROBLEMS:
        return ""
    if problems == 1:
        return "Only 1 problem: intervals are over its samples, and say nothing of other problems."
    return (
        f"Only {problems} problems: intervals of so few are too narrow; with 5, that of a mean speedup holds "
        "the truth in 82 % of cases."
    )


def plain(text: str) -> str:
    """Returns somebody else's text without anything that moves the cursor, colours or reorders a terminal's output.

    Control characters and marks of text direction are shown as their code, e.g. `\\x1b`; tabs and line feeds stay.
    """
    return "".join(char if char in "\n\t" or char.isprintable() else repr(char)[1:-1] for char in text)


def cut(text: str, limit: int) -> str:
    """Returns somebody else's text as one plain line of at most `limit` characters, with `…` for what is missing."""
    line = plain(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def verdict_words(report: Report) -> str:
    """Returns the verdict in a few words, for `ok` with how fast: `correct, 2.00× as fast as the reference`."""
    words = VERDICTS[report.outcome].words
    if report.outcome is Outcome.OK and report.speedup is None:
        return f"{words}; no speedup, the size that is timed was not verified"
    if report.speedup is None:
        return words
    if abs(report.speedup - 1) < EVEN:
        return f"{words}, as fast as the reference"
    if report.speedup > 1:
        return f"{words}, {factor(report.speedup)} as fast as the reference"
    return f"{words}, but slower: {factor(report.speedup)} as fast as the reference"


def reason(report: Report) -> str:
    """Returns the first thing that the candidate's author should hear, one line; empty if there is nothing to say."""
    if report.profile is not None and report.profile.nodes:
        slowest = max(report.profile.nodes, key=lambda node: node.time_us)
        return f"{slowest.name}: {limited(slowest)}"
    if report.findings and report.outcome is Outcome.HACK:
        return report.findings[0].evidence.partition("\n")[0]
    if report.diagnostics:
        return report.diagnostics[0].message.partition("\n")[0]
    return ""


def provenance(profile: Profile) -> str:
    """Returns where a profile's times come from: `modelled for`, `measured on` or `simulated for NVIDIA H200`."""
    if profile.measurement is not None and profile.measurement.simulated:
        return f"simulated for {plain(profile.device.removesuffix(SIMULATED))}"
    preposition = {"modelled": "for", "measured": "on"}[profile.source]
    return f"{profile.source} {preposition} {plain(profile.device)}"


def limited(node: NodeProfile) -> str:
    """Returns what limits a node and how near it is: `bound by device memory, 81% of the roofline`."""
    if node.bound is Bound.UNKNOWN or node.roofline_fraction is None:
        return "what limits it is not known"
    return f"bound by {bound_words(node)}, {percent(node.roofline_fraction)} of the roofline"


def bound_words(node: NodeProfile) -> str:
    """Returns what limits a node in words; of arithmetic, which pipe, if the model says."""
    if node.bound is Bound.COMPUTE:
        pipes = {name: node.parts_us[name] for name in PIPES if node.parts_us.get(name)}
        if pipes:
            return PART_WORDS[max(pipes, key=lambda name: pipes[name])]
    if node.bound is Bound.L2 and node.parts_us.get("lsu", 0.0) > node.parts_us.get("l2", 0.0):
        return PART_WORDS["lsu"]
    return BOUND_WORDS[node.bound]


def time_band(profile: Profile) -> tuple[float, float] | None:
    """Returns between which times the model expects a program's; None if it was measured, or a node has no band."""
    if profile.source is not ProfileSource.MODELLED or profile.measurement is not None:
        return None
    bands = [node.band_us for node in profile.nodes if node.time_us]
    known = [band for band in bands if band is not None]
    if not known or len(known) < len(bands):
        return None
    return sum(low for low, _ in known), sum(high for _, high in known)


def modelled_time(profile: Profile) -> float:
    """Returns the model's time of a whole program, which counterfactuals save of; the measured one if it has none."""
    found = None if profile.measurement is None else profile.measurement.modelled_time_us
    return profile.time_us if found is None else found


def ends(low: str, high: str) -> str:
    """Returns a range in words: ` (33.0 to 52.0)`."""
    return f" ({low} to {high})"


def factor(value: float) -> str:
    """Returns a ratio with up to three significant digits, e.g. `2.00×`, `0.125×`, `131×`."""
    return f"{_digits(value)}×"


def percent(share: float | None) -> str:
    """Returns a share as whole percent, `?` for one that nobody knows; not quite all or nothing is not called so."""
    if share is None:
        return "?"
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"


def microseconds(time_us: float) -> str:
    """Returns a time in the unit µs with three significant digits."""
    return _digits(time_us)


def dollars(cost: float) -> str:
    """Returns a sum of US dollars, e.g. `$1.25`; a small one is not rounded to nothing."""
    return "under $0.01" if 0 < cost < 0.01 else f"${cost:,.2f}"


def quantity(number: int | None, unit: str) -> str:
    """Returns `number` with a decimal prefix, e.g. `1.05 MB`, `250 kflop`; `? B` if nobody has counted."""
    if number is None:
        return f"? {unit}"
    value = float(number)
    for prefix in ("", "k", "M", "G", "T"):
        if value < 999.5 or prefix == "T":
            break
        value /= 1000
    return f"{_digits(value) if prefix else number} {prefix}{unit}"


def _digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.9995 or value == 0 else f"{value:.3g}"
