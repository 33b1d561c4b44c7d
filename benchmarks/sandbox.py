"""How long a sandbox takes to reach untrusted code: `python -m benchmarks.sandbox` prints JSON.

Measured on the caller's clock with a zygote warmed by torch and Triton: from sending the request to the first byte
of the fork that runs it (`first_line`), until everything is swept (`total`), and for a whole trace of the tracer's own
example.
"""

import json
import os
import platform
import statistics
import time
from importlib.metadata import version

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import Entry, Limits, SandboxStatus, create_sandbox
from sandboxes.tracing.example import EXAMPLE

REQUESTS = 30
_EMPTY = Entry(target="sandboxes.isolation.conformance:run_python", preload="sandboxes.tracing.entry:warm")
_TRACER = Entry(target="sandboxes.tracing.entry:trace_submission", preload="sandboxes.tracing.entry:warm")


def run() -> dict[str, object]:
    """Measure every backend; one that cannot start here is reported with its reason."""
    return {
        "benchmark": "sandbox",
        "unit": "ms",
        "requests": REQUESTS,
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {
            "kernel": platform.release(),
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "triton")},
        },
        "bubblewrap": _measure("bubblewrap"),
        "process": _measure("process"),
        "docker": _measure("docker"),
    }


def _measure(kind: str) -> dict[str, object]:
    try:
        start = time.perf_counter()
        empty = _timings(kind, _EMPTY, b"answer = 1")
        elapsed = time.perf_counter() - start
        traced = _timings(kind, _TRACER, EXAMPLE.model_dump_json().encode())
    except SandboxUnavailable as error:
        return {"unavailable": str(error)}
    return {
        "first_line": _summary(empty["first_line"]),
        "total_empty": _summary(empty["total"]),
        "total_trace": _summary(traced["total"]),
        "start_and_warm": round((elapsed - sum(empty["total"])) * 1e3, 1),
    }


def _timings(kind: str, entry: Entry, request: bytes) -> dict[str, list[float]]:
    collected: dict[str, list[float]] = {"first_line": [], "total": []}
    with create_sandbox(kind, entry) as sandbox:
        sandbox.warm_up()
        for _ in range(REQUESTS):
            result = sandbox.run(request, Limits())
            if result.status is not SandboxStatus.COMPLETED:
                raise RuntimeError(f"the {kind} sandbox returned {result}")
            for name, values in collected.items():
                values.append(result.timings_s[name])
    return collected


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": round(statistics.median(ordered) * 1e3, 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))] * 1e3, 2),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
