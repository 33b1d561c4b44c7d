"""Modelled against measured, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.model_vs_gpu.record import Kernel

COLOURS = {"core": "#1f77b4", "search": "#2ca02c", "honest": "#d62728"}


def scatter(kernels: Sequence[Kernel], path: Path, title: str) -> None:
    """Draws times and speedups, both logarithmic, with the line on which they are equal.

    Args:
        kernels: What is drawn.
        path: Where to; its suffix says as what (`.svg`, `.png`).
        title: Which GPU, and whether it was there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and only for pictures
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    views = (
        ("time, µs", [(each.measured.candidate_us, each.modelled.candidate_us, each.kind) for each in kernels]),
        ("speedup", [(each.measured.speedup, each.modelled.speedup, each.kind) for each in kernels]),
    )
    for axes, (name, points) in zip(figure.subplots(1, 2), views, strict=True):
        for kind in sorted({kind for *_, kind in points}):
            some = [(x, y) for x, y, each in points if each == kind]
            axes.scatter(*zip(*some, strict=True), s=12, alpha=0.7, label=kind, color=COLOURS.get(kind, "#7f7f7f"))
        ends = [value for x, y, _ in points for value in (x, y)]
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color="black", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel=f"measured {name}", ylabel=f"modelled {name}")
        axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
