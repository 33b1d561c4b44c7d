"""What would help a launch or a program: the same facts with one thing changed, priced again."""

from sandboxes.hardware.explaining.explaining import explain
from sandboxes.hardware.explaining.nodes import NodeTime, Pricing, ProgramNode
from sandboxes.hardware.explaining.pricing import ProgramPricing
from sandboxes.hardware.explaining.reading import is_elementwise, looped_loads

__all__ = [
    # what would help
    "explain",
    # a program, and what it costs
    "NodeTime",
    "Pricing",
    "ProgramNode",
    "ProgramPricing",
    # what is read off a kernel's text
    "is_elementwise",
    "looped_loads",
]
