"""How often a GPU says "faster" of what is the same: the reference timed against itself, as candidates are.

Both sides are one program of torch's own operators, so the truth is 1.0. Each experiment is a whole measurement with
fresh values, addresses and order; it is wrong if the interval leaves 1.0 out on the side that pays. At the interval's
level that happens once in a thousand; a run of minutes can only show that it is not much more often, and says how many
it had.
"""

import statistics
import time
from typing import Any, Final

from scipy.stats import beta

from benchmarks.gpu.candidates import candidate
from benchmarks.gpu.setting import QUICK_S, Setting
from sandboxes.contracts import EvalConfig
from sandboxes.dataflow import analyse
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.devices.cuda.timing.measured import Measured
from sandboxes.devices.cuda.timing.measuring import measure
from sandboxes.devices.device import Program, Rival
from sandboxes.hardware.targets import get_target
from sandboxes.judge import bench_trial
from sandboxes.loading import load_reference
from sandboxes.reference_trace import trace_reference

SHARE: Final = 0.4
MEASURE_S: Final = 0.3
"""Of one experiment at most; a shorter one has a wider interval, of the same level."""
SIZES: Final = (("add", 1 << 20), ("add", 1 << 24), ("rows", 4096))
QUICK: Final = (("add", 1 << 12),)


def run(setting: Setting) -> dict[str, Any]:
    """Returns how many experiments there were, and how many were wrong."""
    gpu = open_gpu(setting.gpu)
    config = setting.config(measure_timeout_s=QUICK_S if setting.quick else MEASURE_S)
    found: list[Measured] = []
    try:
        end, least = time.monotonic() + setting.seconds, 2 if setting.quick else 10
        while len(found) < least or time.monotonic() < end:
            for kind, size in QUICK if setting.quick else SIZES:
                found.append(experiment(gpu, kind, size, config))
    finally:
        gpu.close()
    return summary(found) | {"simulated_reports": sum(each.measurement.simulated for each in found)}


def experiment(gpu: Gpu, kind: str, size: int, config: EvalConfig) -> Measured:
    """Times a reference against itself."""
    _, live = load_reference(candidate(kind, size).problem.reference)
    bench = live.cases[-1]
    graph = trace_reference(live, bench)
    program = Program(trace=graph, flow=analyse(graph), constants={}, kernels={})
    trial = bench_trial(bench, config, int(time.monotonic_ns() % 2**31), live.distributions, once=True)
    rival = Rival(reference=live, graph=graph, trial=trial)
    return measure(gpu, program, {}, {}, rival=rival, config=config, target=get_target(config.target), launched={})


def summary(found: list[Measured]) -> dict[str, Any]:
    """Returns what experiments amount to."""
    intervals = [each.speedup_interval for each in found if each.speedup_interval is not None]
    faster, slower = sum(low > 1 for low, _ in intervals), sum(high < 1 for _, high in intervals)
    return {
        "experiments": len(found),
        "faster": faster,
        "slower": slower,
        "faster_per_thousand_at_most": round(1000 * at_most(faster, len(found)), 2),
        "interval_width_percent": round(100 * statistics.median(high - low for low, high in intervals), 3),
        "speedup_median": round(statistics.median(each.reference_time_us / each.time_us for each in found), 5),
    }


def at_most(wrong: int, of: int) -> float:
    """Returns the upper end of the 95 % interval (Clopper and Pearson) of a share."""
    return 1.0 if wrong >= of else float(beta.ppf(0.95, wrong + 1, of - wrong))


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    words = f"{found['faster']} of {found['experiments']} (at most {found['faster_per_thousand_at_most']:g} in 1,000)"
    return [("the reference is faster than itself, by the interval", words, "<= 1 in 1,000")]
