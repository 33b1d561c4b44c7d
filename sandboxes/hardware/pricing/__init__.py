"""How long a node takes on a target that is not there."""

from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing.bands import why_unpriced
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.launches import price_launch
from sandboxes.hardware.pricing.operators import price_aten
from sandboxes.hardware.pricing.price import FREE_PRICE, Price, norm
from sandboxes.hardware.pricing.roofline import PIPES, TENSOR_KINDS, roofline_us
from sandboxes.hardware.pricing.totals import plain

__all__ = [
    # prices
    "price_aten",
    "price_launch",
    "roofline_us",
    "FREE_PRICE",
    "Price",
    "Part",
    # what is known
    "plain",
    "why_unpriced",
    # what they follow from
    "Constants",
    "DEFAULT",
    "PIPES",
    "TENSOR_KINDS",
    "norm",
]
