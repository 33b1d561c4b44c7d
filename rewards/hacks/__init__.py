"""Detectors of reward hacks: they look at the dataflow of a trace and at what was measured."""

from rewards.hacks.detector import Detector
from rewards.hacks.gate import Detectors, gate
from rewards.hacks.registry import DETECTORS, list_detectors, register_detector

__all__ = [
    "DETECTORS", "Detector", "Detectors", "gate",
    # from other packages
    "list_detectors", "register_detector",
]  # fmt: skip
