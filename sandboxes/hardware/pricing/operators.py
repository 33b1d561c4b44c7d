"""Prices of PyTorch's own operators."""

from sandboxes.contracts import Bound, Target
from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.price import FREE_PRICE, Price, norm
from sandboxes.hardware.pricing.roofline import pipes_us, roofline_us
from sandboxes.hardware.work import Work


def price_aten(target: Target, work: Work, constants: Constants = DEFAULT) -> Price:
    """Prices one ATen operator as a tuned library kernel (or several, see `Work.launches`)."""
    if work.launches == 0:
        return FREE_PRICE
    shares = {
        Part.TENSOR: constants.library_tensor_share,
        Part.FP32: constants.library_fma_share,
        Part.FP64: constants.library_fma_share,
        Part.SPECIAL: constants.library_special_share,
    }
    pipes = {pipe: taken / shares[pipe] for pipe, taken in pipes_us(target, work.flops).items()}
    parts = {
        Part.DRAM: work.dram_bytes / (target.dram_gb_per_s * 1e3 * constants.library_dram_share),
        Part.L2: work.requested_bytes / (target.l2_gb_per_s * 1e3 * constants.library_l2_share),
        Part.LATENCY: work.launches * target.dram_latency_ns / 1e3,
        Part.START: work.launches * constants.block_start_us,
    }
    compute = norm(tuple(pipes.values()), constants.overlap)
    overhead = work.launches * target.launch_overhead_us + work.waits * constants.wait_us
    total = norm((*parts.values(), compute), constants.overlap) + overhead
    groups = {
        Bound.DRAM: parts[Part.DRAM],
        Bound.L2: parts[Part.L2],
        Bound.COMPUTE: compute,
        Bound.LATENCY: max(parts[Part.LATENCY], parts[Part.START]),
        Bound.LAUNCH: overhead,
    }
    least = roofline_us(target, work)
    return Price(
        time_us=total,
        bound=max(groups, key=lambda bound: groups[bound]),
        roofline_us=least,
        roofline_fraction=min(1.0, least / total),
        parts_us={**parts, **pipes, Part.OVERHEAD: overhead},
        band=(total / 1.5, 1.5 * total),
    )
