"""What the model says of a kernel, for those who want to know why it is wrong: by the constants of today."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from benchmarks.model_vs_gpu.record import Kernel
from sandboxes.contracts import EvalConfig, Precision, Profile, Target
from sandboxes.hardware.explaining.explaining import explain
from sandboxes.hardware.pricing.bands import why_unpriced
from sandboxes.hardware.pricing.programs import ProgramPrices

SHOWN: Final = 4
"""Nodes told of, those that take longest."""
ADVICE: Final = 3


def of_profile(model: Profile) -> dict[str, Any]:
    """Returns what a profile says: for kernels whose facts are not known."""
    nodes = [
        {
            "node": node.node,
            "name": node.name,
            "modelled_us": round(node.time_us, 3),
            "bound": str(node.bound),
            "band_us": node.band_us,
            "parts_us": _parts(node.parts_us),
            "cached_bytes": node.cached_bytes,
            "unpriced": node.unpriced,
        }
        for node in model.nodes
    ]
    return _longest(nodes, [each.text for each in model.counterfactuals])


def of_facts(kernel: Kernel, target: Target) -> dict[str, Any]:
    """Returns what the model says of a kernel as it is now; what it said then, if the facts were not kept."""
    if kernel.candidate is None:
        return kernel.explanation
    program = kernel.candidate.nodes
    prices = ProgramPrices(target, sizes=kernel.candidate.sizes or None)
    nodes = [
        {
            "node": node.node,
            "name": node.name,
            "modelled_us": round(found.price.time_us, 3),
            "bound": str(found.price.bound),
            "band_us": found.price.band,
            "parts_us": _parts({part.value: taken for part, taken in found.price.parts_us.items()}),
            "cached_bytes": round(found.cached_bytes),
            "unpriced": "" if node.launch is None else why_unpriced(node.launch),
        }
        for node, found in zip(program, prices(program), strict=True)
    ]
    tf32 = EvalConfig().precision is Precision.TF32  # as everything here is measured
    return _longest(nodes, [each.text for each in explain(target, program, prices, tf32=tf32)])


def with_measured(explanation: Mapping[str, Any], measured_us: Mapping[int, float]) -> dict[str, Any]:
    """Returns an explanation with the measured time of each node beside the modelled one."""
    nodes = [{**node, "measured_us": measured_us.get(node["node"])} for node in explanation.get("nodes", ())]
    return {**explanation, "nodes": nodes}


def _longest(nodes: Iterable[dict[str, Any]], advice: list[str]) -> dict[str, Any]:
    longest = sorted(nodes, key=lambda node: -node["modelled_us"])
    return {"nodes": longest[:SHOWN], "would_help": advice[:ADVICE]}


def _parts(parts_us: Mapping[str, float]) -> dict[str, float]:
    return {name: round(taken, 3) for name, taken in parts_us.items() if taken}
