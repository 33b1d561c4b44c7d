"""What is known about one launch before anybody asks how long it takes: the language of the hardware model.

Exact counts come from executing the kernel (`work`), addresses from executing it without its arithmetic
(`AccessFacts`), units and layouts from the compiled code (`DotFacts`, `SharedFacts`). Pricing reads nothing else, so a
counterfactual is the same facts with one thing changed, priced again.

All numbers are of the whole grid unless said otherwise; sampled ones are scaled to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from sandboxes.contracts import Resources
from sandboxes.hardware.work import Work


class Unit(StrEnum):
    """What multiplies matrices."""

    WGMMA = "wgmma"
    """Tensor cores of Hopper, asynchronously, from shared memory, by four warps together."""
    TCGEN05 = "tcgen05"
    """Tensor cores of Blackwell, with tensor memory."""
    MMA = "mma"
    """Tensor cores of Ampere and Ada, warp by warp, from registers; Hopper reaches about 60 % of its peak so."""
    MFMA = "mfma"
    """Matrix cores of CDNA."""
    FMA = "fma"
    """Ordinary fused multiply-adds: no tensor cores at all."""


class Part(StrEnum):
    """Activities that a launch's time is made of."""

    DRAM = "dram"
    L2 = "l2"
    LSU = "lsu"
    """Load/store units: instructions of warps and the sectors they touch, per multiprocessor."""
    SHARED = "shared"
    ATOMICS = "atomics"
    TENSOR = "tensor"
    FP32 = "fp32"
    """FMA pipe, integers among it."""
    FP64 = "fp64"
    SPECIAL = "special"
    LATENCY = "latency"
    """Round trips that nothing hides."""
    START = "start"
    """Starting blocks."""
    OVERHEAD = "overhead"
    """From one dependent kernel to the next, and waiting for the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFacts:
    """One load, store or atomic of the source, through one argument."""

    kind: Literal["load", "store", "atomic"]
    argument: str
    line: int
    """Of the candidate's source, 1-based; 0 if it is not known."""
    requested_bytes: float
    """By active lanes."""
    requests: float
    """Instructions of warps."""
    sectors: float
    """32-byte sectors that these instructions touch: what the load/store units work on."""
    least_sectors: float
    """What they would be if neighbouring threads accessed neighbouring elements."""
    distinct_bytes: float
    """Bytes of all sectors, each counted once: no cache needs to move less."""
    dram_bytes: float
    """What device memory moves for it if the L2 cache is empty at first: at least `distinct_bytes`, but for what
    other operations of the launch left in the cache, and stores that are overwritten while cached; stores and atomics
    move sectors twice that they need to read first."""
    l2_sectors: float | None = None
    """Sectors that move between the multiprocessors and the L2 cache: fewer than `sectors` where a program's load
    touches a sector in several instructions, the later ones of which find it in the first-level cache. None: all."""
    busiest_address: float = 0.0
    """Atomics: operations on the address that gets the most."""
    dependent: bool = False
    """Whether addresses or masks depend on values that were loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DotFacts:
    """One `tl.dot` of the source."""

    line: int
    unit: Unit
    kind: str
    """As keys of `Work.flops`."""
    flops: float
    tile: tuple[int, int, int]
    """Rows, columns and depth of the operation."""
    instruction: tuple[int, int, int] = (0, 0, 0)
    """Rows, columns and depth of one instruction; zeros for `Unit.FMA`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFacts:
    """One way through shared memory: a copy, a reduction across warps, a change of layout."""

    line: int
    bytes: float
    """Stored and loaded."""
    conflicts: float = 1.0
    """Passes over the banks, over the fewest possible; 1 without conflicts, or if the layout is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFacts:
    """Everything that is known about one launch."""

    grid: tuple[int, int, int]
    resources: Resources
    num_stages: int
    """As asked for."""
    work: Work
    """Exact totals; of a sample, scaled, where the kernel could not be executed in full."""
    accesses: tuple[AccessFacts, ...] = ()
    """Empty if nobody looked at addresses: then `work` stands for perfectly coalesced accesses and an L2 cache that
    keeps everything."""
    dots: tuple[DotFacts, ...] = ()
    """Empty if nobody looked at the code: then products in `work.flops` run on the best unit of the target."""
    shared: tuple[SharedFacts, ...] = ()
    pipelined: int | None = None
    """Iterations of loads in flight at once, in the compiled code; None if nobody looked: `num_stages`."""
    rounds: float = 0.0
    """How often a program, on average, would wait for memory if nothing was pipelined: loads that neither come around
    again nor depend on one another wait together. 0 if nobody counted: then as few as registers allow."""
    lines: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """Operations by source line and kind, as `Work.flops`, `integer` and `bytes`."""
    dependent_share: float = 0.0
    """Requested bytes whose addresses depend on loaded values, over all."""
    guessed: bool = False
    """Loaded values were not there when addresses were computed: what depends on them is made up."""
    undecided: bool = False
    """Loaded values that were not there decide what is executed: arithmetic and traffic may be anything."""
    sampled: float = 1.0
    """Share of the programs whose addresses were looked at."""
