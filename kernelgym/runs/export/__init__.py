"""Data sets to train on, made of the episodes of runs: chat messages with rewards, as Parquet or JSON lines."""

from kernelgym.runs.export.choosing import Limits
from kernelgym.runs.export.exporting import Exported, Format, export

__all__ = ["Exported", "Format", "Limits", "export"]
