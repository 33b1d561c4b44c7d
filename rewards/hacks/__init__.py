"""Detectors of reward hacks, working on the dataflow of a trace."""

from rewards.hacks.gate import DETECTORS, Detector, gate

__all__ = ["DETECTORS", "Detector", "gate"]
