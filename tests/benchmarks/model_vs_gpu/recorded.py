"""Kernels as a GPU would have them that follows the model with constants of its own."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from benchmarks.model_vs_gpu.record import Facts, Kernel, Times, priced
from sandboxes.contracts import Resources, Target
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, Unit
from sandboxes.hardware.pricing import Constants
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work

TARGET: Target = get_target("h200")
RESOURCES = Resources(
    registers=64, spill_bytes=0, shared_bytes=0, threads=128, occupancy=0.5, limited_by="registers"
)  # fmt: skip


def streaming(size: int) -> LaunchFacts:
    """Returns a launch that reads and writes so many bytes, a kilobyte in each program."""
    access = AccessFacts(
        kind="load", argument="x", line=3, requested_bytes=size, requests=size / 128, sectors=size / 32,
        least_sectors=size / 32, distinct_bytes=size, dram_bytes=size,
    )  # fmt: skip
    store = replace(access, kind="store", argument="out", line=4)
    work = Work(read_bytes=size, written_bytes=size, requested_bytes=2 * size, flops={"fp32": size // 4})
    return LaunchFacts(
        grid=(max(size // 4096, 1), 1, 1), resources=RESOURCES, num_stages=2, work=work, accesses=(access, store)
    )


def product(side: int) -> LaunchFacts:
    """Returns a square product of halves on tensor cores."""
    flops, tiles = 2 * side**3, (side // 128) ** 2
    loaded = tiles * 2 * 128 * side * 2
    loads = tuple(
        AccessFacts(
            kind="load", argument=name, line=5, requested_bytes=loaded / 2, requests=loaded / 1024,
            sectors=loaded / 64, least_sectors=loaded / 64, distinct_bytes=2 * side**2, dram_bytes=2 * side**2,
        )
        for name in "ab"
    )  # fmt: skip
    dot = DotFacts(line=6, unit=Unit.WGMMA, kind="fp16", flops=flops, tile=(128, 128, 64), instruction=(64, 128, 16))
    return LaunchFacts(
        grid=(tiles, 1, 1),
        resources=RESOURCES.model_copy(update={"registers": 168, "shared_bytes": 98304, "threads": 256}),
        num_stages=3,
        pipelined=3,
        work=Work(
            read_bytes=4 * side**2, written_bytes=2 * side**2, requested_bytes=loaded, flops={"fp16": flops}
        ),
        accesses=loads,
        dots=(dot,),
    )  # fmt: skip


def kernels(constants: Constants, *, count: int = 24, noise: float = 0.0, seed: int = 0) -> list[Kernel]:
    """Returns kernels of several sizes, measured on a GPU with these constants, modelled with the defaults."""
    random = Random(seed)
    found = []
    for number in range(count):
        launch = product(256 << number % 5) if number % 3 == 2 else streaming(1 << (13 + number % 16))
        call = Work(**{name: getattr(launch.work, name) for name in ("read_bytes", "written_bytes", "requested_bytes")},
                    flops=launch.work.flops)  # fmt: skip
        kernel = Kernel(
            name=f"kernel {number}", problem=f"problem {number // 2}", kind=("core", "search")[number % 2],
            measured=Times(candidate_us=1.0, reference_us=1.0), modelled=Times(candidate_us=1.0, reference_us=1.0),
            explanation={}, candidate=Facts(nodes=(ProgramNode(node=0, name="k", live=True, launch=launch),)),
            reference=Facts(nodes=(ProgramNode(node=0, name="aten", live=True, call=call),)),
        )  # fmt: skip
        truth = disturbed(priced(kernel, TARGET, constants), noise, random)
        found.append(replace(kernel, measured=truth, modelled=priced(kernel, TARGET)))
    return found


def disturbed(times: Times, noise: float, random: Random) -> Times:
    factors: Sequence[float] = [random.lognormvariate(0.0, noise) if noise else 1.0 for _ in range(2)]
    return Times(candidate_us=times.candidate_us * factors[0], reference_us=times.reference_us * factors[1])
