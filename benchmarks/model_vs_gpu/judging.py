"""What recorded kernels say about the model: a pure function of the file, to be repeated whenever the model changes."""

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.model_vs_gpu.explanations import of_facts, with_measured
from benchmarks.model_vs_gpu.fitting import FITTED, cross_validated
from benchmarks.model_vs_gpu.metrics import error, inside, summary
from benchmarks.model_vs_gpu.record import Kernel
from sandboxes.contracts import Target

AIMS: Final = {"spearman": 0.9, "median_error": 0.25, "same_order": 0.95, "kernels": 150}
WORST: Final = 10


def judged(
    kernels: Sequence[Kernel], target: Target, *, names: Sequence[str] = FITTED, fits: bool = True
) -> dict[str, Any]:
    """Returns the numbers, those by kind, the worst kernels and the fit.

    Args:
        kernels: What was recorded.
        target: The GPU it was recorded on.
        names: Constants that are fitted.
        fits: Whether to fit at all: pricing everything a few hundred times takes minutes.
    """
    kinds = sorted({kernel.kind for kernel in kernels})
    bands = inside([kernel.measured.candidate_us for kernel in kernels], [kernel.band_us for kernel in kernels])
    return {
        **summary(kernels, [kernel.modelled for kernel in kernels]),
        "inside_band": bands,
        "aims": AIMS,
        "by_kind": {
            kind: summary(some, [each.modelled for each in some])
            for kind in kinds
            if (some := [each for each in kernels if each.kind == kind])
        },
        "worst": worst(kernels, target),
        "fit": cross_validated(kernels, target, names) if fits else None,
    }


def worst(kernels: Sequence[Kernel], target: Target, count: int = WORST) -> list[dict[str, Any]]:
    """Returns the kernels whose times are furthest off, as factors, with what the model says about them now."""

    def factor(kernel: Kernel) -> float:
        ratio = kernel.modelled.candidate_us / kernel.measured.candidate_us
        return max(ratio, 1 / ratio)

    return [
        {
            "name": kernel.name,
            "problem": kernel.problem,
            "measured_us": round(kernel.measured.candidate_us, 2),
            "modelled_us": round(kernel.modelled.candidate_us, 2),
            "error": round(error(kernel.modelled.candidate_us, kernel.measured.candidate_us), 3),
            "band_us": kernel.band_us,
            "explanation": with_measured(of_facts(kernel, target), kernel.measured_nodes_us),
        }
        for kernel in sorted(kernels, key=factor, reverse=True)[:count]
    ]
