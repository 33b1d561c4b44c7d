"""Where the time goes: the same form for a modelled and a measured profile."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from sandboxes.contracts.base import Contract
from sandboxes.contracts.diagnostic import Text

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**127)]
"""Converts to a float; honest counts are far below."""
Share = Annotated[float, Field(ge=0, le=1)]

ROUNDING: Final = 1e-6
"""Relative difference that adding up may leave."""


class ProfileSource(StrEnum):
    """Where the times come from; always shown next to them."""

    MODELLED = "modelled"
    """The hardware model's estimate from exact counts and the compiled kernel's resources."""
    MEASURED = "measured"
    """Device time on the GPU that `Profile.device` names."""


class Bound(StrEnum):
    """What limits a node."""

    DRAM = "dram"
    """Bandwidth of the device memory."""
    L2 = "l2"
    """Bandwidth of the L2 cache, or of what moves data between it and the multiprocessors (uncoalesced accesses)."""
    SHARED = "shared"
    """Bandwidth of shared memory, bank conflicts among it."""
    ATOMICS = "atomics"
    """Atomics that wait for one another."""
    COMPUTE = "compute"
    """Tensor cores, FMA or special function units."""
    LATENCY = "latency"
    """Accesses or arithmetic that wait for each other, with nothing else to do meanwhile."""
    OCCUPANCY = "occupancy"
    """Too few programs, or too few of them resident at a time, to load the whole GPU."""
    LAUNCH = "launch"
    """Starting it takes longer than what it does."""
    UNKNOWN = "unknown"
    """It takes time, and nobody knows how much it moves and computes."""

    @classmethod
    def _missing_(cls, value: object) -> "Bound | None":
        """Reads reports of versions that did not tell one memory from another."""
        return cls.DRAM if value == "memory" else None


class Resources(Contract):
    """What a compiled kernel needs, per thread or block, and the occupancy that follows."""

    registers: Count
    """32-bit registers per thread."""
    spill_bytes: Count
    """Local memory per thread (spills and stack), bytes."""
    shared_bytes: Count
    """Shared memory per block, bytes."""
    threads: Count
    """Threads per block."""
    occupancy: Share
    """Resident warps over the most a multiprocessor holds."""
    limited_by: str
    """What keeps occupancy from being higher: `registers`, `shared memory`, `threads`, `blocks` or `nothing`."""


class HotLine(Contract):
    """A line of the candidate's source and what it costs."""

    line: Annotated[int, Field(ge=1)]
    excerpt: Text
    bytes: Count
    """Bytes requested by loads, stores and atomics of that line, over all programs."""
    flops: Count
    """Operations of that line, over all programs."""
    time_us: NonNegative | None = None
    """Its share of the node's time by the hardware model; None where only counts are known."""
    sectors_per_request: NonNegative | None = None
    """32-byte sectors that one instruction of a warp touches, mean over the line's accesses; None without any."""


class Remedy(StrEnum):
    """Kinds of changes that a counterfactual tries."""

    COALESCE = "coalesce"
    """Neighbouring threads access neighbouring elements."""
    REUSE = "reuse"
    """Programs that need the same data run at the same time, so that the L2 cache serves them."""
    TILES = "tiles"
    """Larger tiles: each loaded element is used more often."""
    TENSOR_CORES = "tensor_cores"
    """`tl.dot` in a type and at a size that tensor cores multiply."""
    PIPELINE = "pipeline"
    """Loads of the next iterations overlap with the arithmetic of this one (`num_stages`)."""
    OCCUPANCY = "occupancy"
    """Fewer registers or less shared memory per program, so that more are resident."""
    SPILLS = "spills"
    """Registers are enough."""
    BALANCE = "balance"
    """The work is spread over the whole GPU: more programs, no nearly empty last wave, no longest program."""
    BANKS = "banks"
    """No bank conflicts in shared memory."""
    ATOMICS = "atomics"
    """Fewer atomics on one address."""
    FUSE = "fuse"
    """Two nodes become one: one launch fewer, and what is between them stays in registers."""
    REMOVE = "remove"
    """A node whose results nobody uses is left out."""
    REPLACE = "replace"
    """An operator that a kernel of one's own could do in less time."""


class Counterfactual(Contract):
    """What the hardware model says a change would bring: the same program priced again with that one thing changed."""

    remedy: Remedy
    node: Count
    """Index in `Trace.nodes` of the node it changes, the first of them."""
    other: Count | None = None
    """The second, where two are fused."""
    line: int | None = Field(default=None, ge=1)
    """Of the candidate's source."""
    text: Text
    """In words, without numbers of time: `coalesce the load of `x``."""
    saves_us: NonNegative
    """Of the whole program's modelled time."""
    node_speedup: NonNegative
    """Time of the node (or of both) now over its time then."""
    saves_bytes: Count = 0
    """Traffic of device memory that it saves, if that is what it is about."""


class NodeProfile(Contract):
    """One node of the trace."""

    node: Count
    """Index in `Trace.nodes`."""
    name: str
    """Kernel name or ATen operator."""
    custom: bool
    """True for the candidate's own Triton kernels."""
    live: bool
    """True if its results reach an output."""
    influences: bool | None = None
    """False for a kernel that might as well be left out: outputs stay right whatever it stores, or it only hands on
    what it has loaded. None if that was not tried."""
    fills: bool = False
    """True for an operator that only fills memory with numbers that are known before anything is computed."""
    time_us: NonNegative
    bytes: Count | None
    """Bytes moved to and from device memory; None if they can't be counted."""
    flops: Count | None
    """Operations; None if they can't be counted."""
    bound: Bound
    roofline_fraction: Share | None
    """Time the roofline allows over the time it takes; None if bytes and operations can't be counted."""
    config: str = ""
    """Of the autotuned variant that was chosen."""
    grid: tuple[int, int, int] | None = None
    resources: Resources | None = None
    line: int | None = Field(default=None, ge=1)
    hot_lines: tuple[HotLine, ...] = ()
    parts_us: dict[str, NonNegative] = Field(default_factory=dict)
    """What each activity would take alone, by the hardware model: names of `sandboxes.hardware.pricing.Part`."""
    band_us: tuple[NonNegative, NonNegative] | None = None
    """Between which times the model expects the truth; None if times were measured."""
    unpriced: Text = ""
    """Why the model has no price for it; empty if it has one."""
    cached_bytes: Count = 0
    """Bytes that it finds in the L2 cache because nodes before it left them there."""

    @property
    def counts(self) -> bool:
        """True for a kernel of the candidate's own that matters to an output."""
        return self.custom and self.live and self.influences is not False


class TimingFlag(StrEnum):
    """Something to know about measured times."""

    BELOW_FLOOR = "below_floor"
    """Faster than its own bytes and operations allow, also when it was measured again: paid as the floor."""
    UNSTABLE = "unstable"
    """The interval did not become as narrow as was asked for before the time was up."""
    NOT_CAPTURED = "not_captured"
    """Not a CUDA graph, since `forward` reads numbers back: launched by the host piece by piece. The reference
    stays a graph if it can be one, so that nobody gains by slowing it down."""
    THROTTLED = "throttled"
    """The GPU reduced its clocks for power, heat or a fault while it measured."""
    DISAGREEING = "disagreeing"
    """Events, the profiler and the host's clock do not tell the same time."""
    ONE_PLACE = "one_place"
    """Memory has room for one set of addresses only: every run had the same, and what they do is in the times."""
    NOT_ATTRIBUTED = "not_attributed"
    """The profiler did not see every kernel of the candidate: the whole was measured, its parts are the model's."""


class Clocks(Contract):
    """State of a GPU, read through NVML."""

    sm_mhz: NonNegative
    memory_mhz: NonNegative
    most_sm_mhz: NonNegative
    """The highest it may have."""
    temperature_c: NonNegative
    power_w: NonNegative
    throttled: tuple[str, ...] = ()
    """Why clocks are reduced, in NVML's words; an idle GPU is not throttled."""


class Measurement(Contract):
    """How times were measured, and how good they are."""

    rounds: Count
    """Timed rounds; in each, candidate and reference run twice (ABBA)."""
    time_interval_us: tuple[NonNegative, NonNegative]
    """Ends of the 99.8 % confidence interval of `Profile.time_us`."""
    spread: NonNegative
    """Coefficient of variation of the candidate's samples."""
    measured_time_us: NonNegative
    """Median of the candidate's samples; `Profile.time_us` is the floor if this is below it."""
    floor_us: NonNegative
    """Least time in which the GPU can move the candidate's own bytes and do its own operations."""
    host_time_us: NonNegative
    """Median time until the host knows that a run has ended."""
    eager_time_us: NonNegative | None = None
    """One forward launched piece by piece, as seen by the host: what it costs without a CUDA graph."""
    reference_eager_time_us: NonNegative | None = None
    """Likewise of the reference."""
    variants: Count = 0
    """Autotuned variants that were measured before; not charged."""
    flags: tuple[TimingFlag, ...] = ()
    clocks: Clocks | None = None
    """While it measured; None if NVML is not there."""
    busy_us: NonNegative | None = None
    """Time in which the device did anything of the candidate's during a run under the profiler; what `Profile.time_us`
    has on top of it is gaps between kernels. None if the profiler did not see every kernel."""
    other_us: NonNegative | None = None
    """Device time under the profiler that belongs to no node of the candidate: our own copies and fills."""
    modelled_time_us: NonNegative | None = None
    """What the hardware model says of the same program; None if it can't count all of it."""
    modelled_reference_time_us: NonNegative | None = None
    """What it says of the reference."""
    modelled_nodes_us: dict[Count, NonNegative] = Field(default_factory=dict)
    """What it says of each node that it can count, by index."""
    ceilings: dict[str, NonNegative] = Field(default_factory=dict)
    """What this GPU was measured to reach, which rooflines are relative to: `dram_gb_per_s`, `l2_gb_per_s`, and 1e12
    operations per second by kind. What is not in it is the data sheet's."""
    doubts: tuple[Text, ...] = ()
    """What was measured of this GPU's ceilings and not believed, or could not be measured."""
    simulated: bool = False
    """Nothing was measured: a simulated GPU made the times up."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Of driver, CUDA, torch and Triton."""


class Profile(Contract):
    """The bench case, node by node, next to the reference."""

    source: ProfileSource
    device: str
    """Title of the target that is modelled or the GPU that measured."""
    nodes: tuple[NodeProfile, ...]
    time_us: NonNegative
    """Of the candidate's whole forward."""
    reference_time_us: NonNegative
    """Of the reference's forward, from the same source."""
    compiled_reference_time_us: NonNegative | None = None
    """Of the reference under `torch.compile`, where it was measured; nothing measures it on the CPU."""
    coverage: Share
    """Share of the live device time spent in the candidate's own kernels that matter."""
    replaced: Share | None = None
    """Share of the reference's time that the candidate does not leave to PyTorch's operators: 1 - (time of its live
    operators that compute) / (time of the reference), both by the hardware model also where times are measured:
    verdicts depend on it, and must not depend on launch gaps. None in reports of earlier versions."""
    roofline_us: NonNegative
    """Least time the reference's inputs and outputs and its arithmetic allow on this device."""
    speedup_interval: tuple[NonNegative, NonNegative] | None = None
    """Ends of the 99.8 % confidence interval of `speedup`, if times were measured; a model has none. One end is on the
    wrong side of the truth once in a thousand."""
    measurement: Measurement | None = None
    """How times were measured; a model has none."""
    speedup_band: tuple[NonNegative, NonNegative] | None = None
    """Between which values the hardware model expects the speedup on the real GPU; None if it was measured."""
    counterfactuals: tuple[Counterfactual, ...] = Field(default=(), max_length=8)
    """What would help most, the largest saving first; by the hardware model, also where times were measured."""

    @property
    def unpriced(self) -> Text:
        """Why these times say nothing about the whole: a node without a price; empty if they were measured."""
        return "" if self.measurement is not None else next((node.unpriced for node in self.nodes if node.unpriced), "")

    @property
    def speedup(self) -> float:
        """Reference time over candidate time; 0 when the candidate takes no time at all, or nobody knows how much."""
        return self.reference_time_us / self.time_us if self.time_us and not self.unpriced else 0.0

    @model_validator(mode="after")
    def _times_are_consistent(self) -> Self:
        """A model's whole takes as long as its parts, give or take rounding; nothing measured is below its floor; an
        interval has its ends in order.
        """
        total = sum(node.time_us for node in self.nodes)
        if (
            self.measurement is None
            and self.source is ProfileSource.MODELLED
            and abs(total - self.time_us) > ROUNDING * max(1.0, total)
        ):
            raise ValueError(f"time_us is {self.time_us} but its nodes add up to {total}")
        if self.measurement is not None and self.time_us < self.measurement.floor_us * (1 - ROUNDING):
            raise ValueError(
                f"time_us is {self.time_us}, below the floor of {self.measurement.floor_us}; pay the floor"
            )
        for name in ("speedup_interval", "speedup_band"):
            ends = getattr(self, name)
            if ends is not None and ends[0] > ends[1]:
                raise ValueError(f"{name} is {ends}; its lower end comes first")
        return self
