"""Looks for the reference in all loaded modules and on the path, and calls it.

row: 42
problem: core/cross_entropy
expect: import_error
layer: sandbox
"""

import importlib
import sys

import torch
from torch import nn


def find_reference() -> type:
    for name in ("reference", "model", "problem", "kernelgym.problems.core.references.cross_entropy"):
        try:
            return importlib.import_module(name).Model
        except (ImportError, AttributeError):
            continue
    for module in list(sys.modules.values()):
        if "Model" in vars(module) and "get_inputs" in vars(module):
            return module.Model
    raise LookupError("there is no reference here")


Reference = find_reference()


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return Reference()(logits, targets)
