"""Pairs of programs whose order on hardware is known, priced by the hardware model; `python -m benchmarks ordered`."""

from benchmarks.ordered.running import run

__all__ = ["run"]
