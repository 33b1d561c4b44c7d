"""`python -m tests.gpu.child GPU TARGET EXPERIMENT ...`: does harm to a GPU, and prints what it says of that, as JSON.

An experiment is a kernel, or `facts`; `NAME=VALUE` before it sets a variable of the environment for it. Each has a
process of its own, forked before any has touched the GPU, since most faults leave none that could go on.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandboxes.devices.cuda.errors import GpuError, NoGpu
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.hardware.targets import get_target
from tests.gpu import kernels

PATIENCE_S = 60.0
"""How long an experiment may take."""
ENDLESS_S = 3.0
"""How long one is waited for that is not to end, from when it launches its kernel."""


def main(name: str, target: str, *experiments: str) -> None:
    """Prints one result for each experiment."""
    results = []
    with TemporaryDirectory() as folder:
        for number, experiment in enumerate(experiments):
            results.append(outcome(Path(folder, str(number)), name, target, experiment))
    print(json.dumps(results))


def outcome(path: Path, name: str, target: str, experiment: str) -> dict[str, Any]:
    """Does an experiment in a fork; `ended` is false if it had to be killed."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            path.write_text(json.dumps(result(path, name, target, experiment)), encoding="utf-8")
            status = 0
        finally:
            os._exit(status)
    end, launched = time.monotonic() + PATIENCE_S, path.with_suffix(".launched")
    while time.monotonic() < end:
        if os.waitpid(process, os.WNOHANG)[0]:
            return {"ended": True, **(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})}
        if launched.exists():
            end = min(end, launched.stat().st_mtime - time.time() + time.monotonic() + ENDLESS_S)
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return {"ended": False, "launched": launched.exists()}


def result(path: Path, name: str, target: str, experiment: str) -> dict[str, Any]:
    """What the GPU says."""
    *settings, kernel = experiment.split()
    os.environ.update(setting.split("=", 1) for setting in settings)
    try:
        gpu = open_gpu(name)
    except NoGpu as error:
        return {"no_gpu": str(error)}
    if kernel == "facts":
        return {"title": gpu.facts.title, "uuid": gpu.facts.uuid}
    out = kernels.floats(gpu, 1024)
    loaded = gpu.load(kernels.harmful(kernel), get_target(target))
    gpu.synchronize()
    found: dict[str, Any] = {"fault": None}
    try:
        if kernel == "endless":
            path.with_suffix(".launched").touch()
        gpu.launch(loaded, (1, 1, 1), [out, 1])
        gpu.synchronize()
    except GpuError as error:
        found = {"fault": error.fault.value, "spoils": error.fault.spoils, "detail": error.detail}
        try:
            gpu.synchronize()
        except GpuError as again:
            found["again"] = again.fault.value
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
