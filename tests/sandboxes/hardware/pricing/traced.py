"""Facts of real kernels: compiled for H200 without a GPU, run for their addresses alone."""

from math import prod
from typing import Any

from sandboxes.contracts import Resources
from sandboxes.hardware.code.reading import read_code
from sandboxes.hardware.cubin import read_usage
from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.facts import DotFacts, LaunchFacts, SharedFacts
from sandboxes.hardware.traffic.examining import Examination, examine
from sandboxes.hardware.work import Work
from sandboxes.ttir import Execution, parse
from tests.sandboxes.hardware.code.compiled import compiled, ttgir
from tests.sandboxes.hardware.pricing.kernels import H200, needs


def traced(
    kernel: Any, signature: str, grid: tuple[int, ...], args: list[Any], warps: int = 4, stages: int = 3, **others: Any
) -> LaunchFacts:
    """Returns what is known of a launch.

    Args:
        kernel: Triton's, decorated.
        signature: Types of its parameters; see `compiled`.
        grid: Programs along each axis.
        args: Tensors whose values mean nothing, and numbers.
        warps: Of a program.
        stages: As asked for.
        others: Constants of the kernel.
    """
    binary = compiled(kernel, signature, warps=warps, stages=stages, **others)
    code = read_code(ttgir(kernel, signature, warps=warps, stages=stages, **others))
    usage = read_usage(binary.asm["cubin"])
    resources: Resources = needs(usage.registers, binary.metadata.shared, 32 * warps, usage.stack_bytes)
    shape = (*grid, 1, 1)[:3]
    found = examine(parse(str(binary.asm["ttir"])), shape, args, code, resources, H200, seed=7, hollow=True)
    work, programs = _work(found), prod(shape)
    products = sum(count for kind, count in work.flops.items() if kind in ("fp16", "tf32"))
    return LaunchFacts(
        grid=shape,
        resources=resources,
        num_stages=stages,
        work=work,
        accesses=found.accesses,
        dots=tuple(
            DotFacts(
                line=dot.line, unit=dot.unit, kind="fp16", flops=products / len(code.dots), tile=dot.tile,
                instruction=dot.instruction,
            )
            for dot in code.dots
        ),
        shared=tuple(
            SharedFacts(
                line=way.line,
                bytes=way.bytes * (found.executions.get(way.line, programs) if way.looped else programs),
                conflicts=way.conflicts,
            )
            for way in code.shared
        ),
        pipelined=code.pipelined,
        rounds=found.rounds,
        sampled=found.sampled,
    )  # fmt: skip


def _work(found: Examination) -> Work:
    """Returns totals: those of the sample, scaled."""
    read = sum(access.distinct_bytes for access in found.accesses if access.kind != "store")
    written = sum(access.distinct_bytes for access in found.accesses if access.kind != "load")
    counted = work_of_launch(Execution(programs=1, counters=found.counters, seconds=0.0))
    return Work(
        read_bytes=round(read), written_bytes=round(written), requested_bytes=counted.requested_bytes,
        flops=counted.flops, integer_ops=counted.integer_ops,
    )  # fmt: skip
