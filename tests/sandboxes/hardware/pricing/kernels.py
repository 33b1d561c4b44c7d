"""Facts of well-known kernels, derived by counting."""

from collections.abc import Sequence
from typing import Any

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, SharedFacts, Unit
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work

H200 = get_target("h200")
H100 = get_target("h100")
A100 = get_target("a100")
SECTOR = 32


def needs(
    registers: int = 32, shared: int = 0, threads: int = 128, spills: int = 0, target: Target = H200
) -> Resources:
    found = occupancy(target, registers, shared, threads)
    return Resources(
        registers=registers, spill_bytes=spills, shared_bytes=shared, threads=threads, occupancy=found.fraction,
        limited_by=found.limited_by,
    )  # fmt: skip


def access(
    argument: str,
    amount: float,
    *,
    kind: str = "load",
    line: int = 1,
    spread: float = 1.0,
    distinct: float | None = None,
    missed: float | None = None,
    **others: Any,
) -> AccessFacts:
    """One access of `amount` requested bytes, in requests of 128 bytes.

    Args:
        argument: Its argument.
        amount: Requested bytes.
        kind: What it does.
        line: Of the source.
        spread: Sectors that it touches, over the fewest.
        distinct: Bytes of all sectors, each once; all of them if not given.
        missed: Bytes that device memory moves; the distinct ones if not given.
        others: More fields.
    """
    distinct = amount * spread if distinct is None else distinct
    return AccessFacts(
        kind=kind, argument=argument, line=line, requested_bytes=amount, requests=amount / 128,
        sectors=spread * amount / SECTOR, least_sectors=amount / SECTOR, distinct_bytes=distinct,
        dram_bytes=distinct if missed is None else missed, **others,
    )  # fmt: skip


def launch(
    accesses: Sequence[AccessFacts],
    programs: int,
    resources: Resources | None = None,
    flops: dict[str, int] | None = None,
    **others: Any,
) -> LaunchFacts:
    """A launch with these accesses; distinct bytes of its work are theirs."""
    read = sum(one.distinct_bytes for one in accesses if one.kind != "store")
    written = sum(one.distinct_bytes for one in accesses if one.kind != "load")
    requested = sum(one.requested_bytes for one in accesses)
    work = Work(
        read_bytes=round(read), written_bytes=round(written), requested_bytes=round(requested), flops=flops or {}
    )
    given = {"num_stages": 3, "pipelined": 1, "rounds": 1.0} | others
    return LaunchFacts(
        grid=(programs, 1, 1), resources=resources or needs(), work=work, accesses=tuple(accesses), **given
    )


def copy(amount: int, stride: int = 1) -> LaunchFacts:
    """Copies `amount` bytes of float32 between vectors with a stride: 1024 elements by each program."""
    spread = float(min(stride, 8))
    return launch(
        [access("x", amount, line=1, spread=spread), access("y", amount, kind="store", line=2, spread=spread)],
        amount // 4096,
    )


def transpose(size: int, tiled: bool) -> LaunchFacts:
    """Transposes float32. Untiled, a warp stores 32 elements into 32 rows: a sector each, which L2 puts together."""
    amount = 4 * size * size
    spread = 1.0 if tiled else 8.0
    store = access("y", amount, kind="store", line=2, spread=spread, distinct=amount)
    return launch([access("x", amount), store], amount // 4096)


def product(
    size: int,
    tile: tuple[int, int, int],
    target: Target = H200,
    warps: int = 4,
    stages: int = 3,
    missed: float = 1.5,
    **others: Any,
) -> LaunchFacts:
    """A square bf16 product; device memory moves operands `missed` times.

    A program loads (rows + columns) * size elements; Hopper's tensor cores need 64 rows of a tile for `wgmma`.
    """
    rows, columns, depth = tile
    hopper = target.arch == "90" and rows >= 64
    unit, instruction = (Unit.WGMMA, (64, columns, 16)) if hopper else (Unit.MMA, (16, 8, 16))
    tiles, matrix = (size // rows) * (size // columns), 2 * size * size
    accesses = [
        access("a", matrix * (size // columns), line=1, distinct=matrix, missed=missed * matrix),
        access("b", matrix * (size // rows), line=2, distinct=matrix, missed=missed * matrix),
        access("c", matrix, kind="store", line=4),
    ]
    registers = min(255, rows * columns // (warps * 32) + 60)
    shared = () if hopper else (operands(3, size, tile, warps),)
    return launch(
        accesses,
        tiles,
        needs(registers, max(stages, 1) * (rows + columns) * depth * 2, warps * 32, target=target),
        {"bf16": 2 * size**3},
        dots=(DotFacts(line=3, unit=unit, kind="bf16", flops=2 * size**3, tile=tile, instruction=instruction),),
        shared=shared,
        **{"pipelined": max(stages - 1, 1), "rounds": size / depth} | others,
    )


def operands(line: int, size: int, tile: tuple[int, int, int], warps: int) -> SharedFacts:
    """What warps read of operands for `mma`: each its rows and columns, warps that split the tile squarely."""
    rows, columns, _ = tile
    side = (rows * columns / warps) ** 0.5
    return SharedFacts(line=line, bytes=2 * side * 2 * warps * size * (size // rows) * (size // columns))


def attention(target: Target, sequence: int = 16_384, heads: int = 16, width: int = 128) -> LaunchFacts:
    """Attention without a mask by 128 queries a program: exponentials and rescaling between two products.

    Scores are sequence**2 * heads, each takes 4 * width operations of products, one exponential and about six others.
    """
    scores = sequence * sequence * heads
    programs = sequence // 128 * heads
    matrix = 2 * sequence * heads * width
    hopper = target.arch == "90"
    instruction = (64, 128, 16) if hopper else (16, 8, 16)
    dots = tuple(
        DotFacts(
            line=line, unit=Unit.WGMMA if hopper else Unit.MMA, kind="bf16", flops=2.0 * scores * width,
            tile=(128, 128, 128), instruction=instruction,
        )
        for line in (3, 5)
    )  # fmt: skip
    loads = [
        access(name, matrix * (sequence // 128), line=line, distinct=matrix, missed=2 * matrix)
        for name, line in (("k", 2), ("v", 4))
    ]
    return launch(
        [access("q", matrix), *loads, access("o", matrix, kind="store", line=6)],
        programs,
        needs(255, 128 * 1024, 256, target=target),
        {"bf16": 4 * scores * width, "special": scores, "fp32": 6 * scores},
        dots=dots,
        pipelined=2,
        rounds=sequence / 128,
    )
