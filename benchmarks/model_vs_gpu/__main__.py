"""`python -m benchmarks.model_vs_gpu [FILE]`: what recorded kernels say about the model as it is now, and a picture.

Without a file it measures on this machine's GPU first (as `python -m benchmarks.gpu model_vs_gpu` does), which takes
twelve minutes and is kept in benchmarks/results. With one, everything is priced again from the recorded facts: how good
the model has become since then can be told without a GPU.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gpu.__main__ import main as measure
from benchmarks.gpu.keeping import RESULTS
from benchmarks.model_vs_gpu.judging import judged
from benchmarks.model_vs_gpu.plotting import scatter
from benchmarks.model_vs_gpu.record import Kernel, from_json, priced
from sandboxes.contracts import Target
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.opening import find_gpu
from sandboxes.hardware.targets import UnknownTarget, get_target

NAME = "model_vs_gpu"


def main(arguments: list[str]) -> None:
    """Measures if no file is given, judges, draws, prints JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_vs_gpu", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a gpu-...-model_vs_gpu.json")
    parser.add_argument("--plot", type=Path, help="where the picture goes (.svg, .png); beside the file without it")
    parser.add_argument("--no-fit", action="store_true", help="leaves out the fit, which takes minutes")
    options = parser.parse_args(arguments)
    path = options.file or measured()
    found = judge(
        json.loads(path.read_text(encoding="utf-8")), options.plot or path.with_suffix(".svg"), options.no_fit
    )
    print(json.dumps(found, indent=2))


def measured() -> Path:
    """Measures on this machine's GPU and returns the file with the results."""
    try:
        find_gpu("auto")
    except NoGpu as error:
        sys.exit(
            f"error: {error}\nWhat was recorded elsewhere can be judged here: "
            f"python -m benchmarks.model_vs_gpu benchmarks/results/gpu-...-{NAME}.json\n"
            "A rehearsal, which measures nothing: "
            f"python -m benchmarks.gpu {NAME} --quick --gpu simulated --out FOLDER"
        )
    measure([NAME])
    return max(RESULTS.glob(f"gpu-*-{NAME}.json"), key=lambda path: path.stat().st_mtime)


def judge(document: dict[str, Any], plot: Path, without_fit: bool) -> dict[str, Any]:
    """Returns the numbers of a file by the model as it is now, and draws the picture.

    Args:
        document: What `benchmarks.gpu` has written.
        plot: Where the picture goes.
        without_fit: Leaves out the fit.
    """
    target = target_of(document)
    recorded = from_json(document["found"]["recorded"])
    if not recorded:
        sys.exit("error: the file has no kernels; measure again (python -m benchmarks.gpu model_vs_gpu)")
    now = [repriced(kernel, target) for kernel in recorded]
    simulated = " (simulated: nothing was measured)" if document["simulated"] else ""
    scatter(now, plot, f"{document['gpu']['title']}{simulated}, modelled as {target.title}")
    return {
        "gpu": document["gpu"],
        "simulated": document["simulated"],
        "date_of_measurement": document["date"],
        "target_as_recorded": document["found"]["target"] == target.model_dump(mode="json"),
        "refit": sum(kernel.refits for kernel in recorded),
        **judged(now, target, fits=not without_fit),
    }


def repriced(kernel: Kernel, target: Target) -> Kernel:
    """Returns a kernel with what the model says of it now; with what it said then, if its facts were not kept."""
    if kernel.candidate is None or kernel.reference is None:
        return kernel
    return replace(kernel, modelled=priced(kernel, target), band_us=kernel.candidate.band_us(target))


def target_of(document: dict[str, Any]) -> Target:
    """Returns the GPU as it is described now; as it was when the file was written, if nobody describes it any more."""
    try:
        return get_target(document["gpu"]["target"])
    except UnknownTarget:
        return Target.model_validate(document["found"]["target"])


if __name__ == "__main__":
    main(sys.argv[1:])
