"""How times were measured, in words: how certain they are, what else is known of them, and what is wrong with them."""

from typing import Final

from kernelgym.reports.wording import factor, microseconds, percent, plain
from sandboxes.contracts import Clocks, Measurement, Profile, TimingFlag

FLAG_WORDS: Final = {
    TimingFlag.BELOW_FLOOR: (
        "It was measured faster than its own bytes and operations allow, twice: it counts as the least time they take."
    ),
    TimingFlag.UNSTABLE: (
        "The interval did not become as narrow as was asked for: times vary, or there was too little time."
    ),
    TimingFlag.NOT_CAPTURED: (
        "It reads numbers back, so it is no CUDA graph: the host launched it piece by piece. The reference is one if "
        "it can be: it waits for nobody."
    ),
    TimingFlag.THROTTLED: "The GPU lowered its clocks while it measured; candidate and reference took turns all along.",
    TimingFlag.DISAGREEING: "Events, profiler and host do not tell the same time: these times are worth nothing.",
    TimingFlag.ONE_PLACE: (
        "Memory has room for one set of addresses only: what these do to the times is in the speedup, not in its "
        "interval."
    ),
    TimingFlag.NOT_ATTRIBUTED: (
        "The profiler did not see every kernel: the whole was measured, its parts and the coverage are modelled."
    ),
}

WIDEST: Final = 100.0
"""Upper end of an interval over its lower one beyond which it is not shown."""

MEASURED_CEILINGS: Final = "rooflines are relative to what this GPU was measured to reach"
DATA_SHEET: Final = "rooflines are relative to the data sheet"


def flag_words(profile: Profile) -> tuple[str, ...]:
    """Returns a sentence for everything that is to be known of measured times before they are believed."""
    return () if profile.measurement is None else tuple(FLAG_WORDS[flag] for flag in profile.measurement.flags)


def speedup_words(profile: Profile) -> str:
    """Returns the speedup and, where it was measured, its interval: `2.00× (99.8 %: 1.98× to 2.02×)`."""
    if profile.speedup_interval is None:
        return factor(profile.speedup)
    interval = telling_interval(profile)
    if interval is None:
        return f"{factor(profile.speedup)} (too few rounds for an interval)"
    low, high = interval
    return f"{factor(profile.speedup)} (99.8 %: {factor(low)} to {factor(high)})"


def telling_interval(profile: Profile) -> tuple[float, float] | None:
    """Returns the interval of the speedup; None if there is none, or it is so wide that its ends tell nothing."""
    if profile.speedup_interval is None or profile.speedup_interval[1] > WIDEST * profile.speedup_interval[0]:
        return None
    return profile.speedup_interval


def measured_facts(profile: Profile) -> list[tuple[str, str]]:
    """Returns names and words of what is known of measured times; nothing for modelled ones."""
    found = profile.measurement
    if found is None:
        return []
    facts = [
        ("simulated" if found.simulated else "measured", _spread(profile, found)),
        ("speedup", speedup_words(profile)),
        ("torch.compile", _compiled(profile)),
        (
            "floor",
            f"{microseconds(found.floor_us)} µs, the least for its own bytes and operations" if found.floor_us else "",
        ),
        ("gaps", _gaps(found)),
        ("host", _host(found)),
        ("modelled", _modelled(profile, found)),
        ("ceilings", _ceilings(found)),
        ("variants", f"{found.variants} autotuned variants were measured before" if found.variants else ""),
        ("clocks", "" if found.clocks is None or found.simulated else _clocks(found.clocks)),
        ("with", plain(", ".join(f"{name} {version}" for name, version in found.versions.items()))),
    ]
    return [(name, words) for name, words in facts if words]


def _spread(profile: Profile, found: Measurement) -> str:
    low, high = (microseconds(end) for end in found.time_interval_us)
    rounds = "1 round" if found.rounds == 1 else f"{found.rounds} rounds"
    paid = f"{microseconds(found.measured_time_us)} µs"
    if TimingFlag.BELOW_FLOOR in found.flags:
        paid += f", counted as {microseconds(profile.time_us)} µs"
    return f"{paid} (99.8 %: {low} to {high}), {rounds}, spread {found.spread:.1%}"


def _compiled(profile: Profile) -> str:
    compiled_us = profile.compiled_reference_time_us
    if compiled_us is None:
        return ""
    ratio = f", {factor(compiled_us / profile.time_us)} over it" if profile.time_us else ""
    return f"{microseconds(compiled_us)} µs for the reference{ratio}"


def _gaps(found: Measurement) -> str:
    """Returns how much of the time no kernel runs; nodes carry their share of it."""
    if found.busy_us is None or not found.measured_time_us:
        return ""
    gap_us = max(found.measured_time_us - found.busy_us, 0.0)
    words = (
        f"{microseconds(gap_us)} µs between kernels ({percent(gap_us / found.measured_time_us)}), in the nodes' times"
    )
    return f"{words}; {microseconds(found.other_us)} µs of our own are left out" if found.other_us else words


def _host(found: Measurement) -> str:
    words = f"{microseconds(found.host_time_us)} µs until it knows"
    if found.eager_time_us is not None:
        words += f"; without a CUDA graph {microseconds(found.eager_time_us)} µs"
    if found.reference_eager_time_us is not None:
        words += f", the reference {microseconds(found.reference_eager_time_us)} µs"
    return words


def _modelled(profile: Profile, found: Measurement) -> str:
    """Returns what the hardware model says of the same program, and how far it is off."""
    if found.modelled_time_us is None or found.modelled_reference_time_us is None:
        return ""
    words = (
        f"{microseconds(found.modelled_time_us)} µs, the reference {microseconds(found.modelled_reference_time_us)} µs"
    )
    if not found.modelled_time_us or not profile.time_us:
        return words
    return f"{words}: {factor(found.modelled_reference_time_us / found.modelled_time_us)}"


def _ceilings(found: Measurement) -> str:
    words = MEASURED_CEILINGS if found.ceilings else DATA_SHEET
    return f"{words}; not used: {plain('; '.join(found.doubts))}" if found.doubts else words


def _clocks(clocks: Clocks) -> str:
    words = (
        f"{clocks.sm_mhz:,.0f} of {clocks.most_sm_mhz:,.0f} MHz, memory {clocks.memory_mhz:,.0f} MHz, "
        f"{clocks.temperature_c:.0f} °C, {clocks.power_w:.0f} W"
    )
    return f"{words}; lowered for: {plain(', '.join(clocks.throttled))}" if clocks.throttled else words
