"""Inherits the reference and adds nothing.

row: 41
problem: core/argmax
expect: import_error
layer: sandbox
"""

import torch
from torch import nn


class ModelNew(Model):  # noqa: F821
    pass
