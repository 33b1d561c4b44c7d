"""What templates lay out: facts as plain data, already quoted and bounded.

Nothing here is secret, and no text has control characters or paths of this machine. Numbers are left to the templates'
filters. A field that is None or empty is not known, or had to go for want of room.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Arithmetic of a GPU in one format."""

    dtype: str
    tflops: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """The target."""

    title: str
    architecture: str
    multiprocessors: int
    clock_mhz: float
    dram_gb_per_s: float
    l2_mib: str
    rates: tuple[Rate, ...]
    launch_overhead_us: str
    shared_per_block_kib: int
    threads_per_block: int
    registers_per_thread: int
    shared_per_multiprocessor_kib: int
    threads_per_multiprocessor: int
    blocks_per_multiprocessor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCase:
    """One row of the table of shapes."""

    name: str
    checked: bool
    """False for the bench case, the last."""
    init: str
    """Arguments of `__init__`."""
    inputs: str
    """Arguments of `forward`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`task` in `task.md.jinja`."""

    id: str
    title: str
    source: str
    """Of the reference."""
    gpu: Gpu
    cases: tuple[TaskCase, ...]
    init_differs: bool
    """True if the cases differ in the arguments of `__init__`."""
    init: str | None
    """Arguments of `__init__` at the bench case; None if there are none."""
    scaled: bool
    """True if the checked cases are the reference with other constants."""
    output: str
    variations: tuple[str, ...]
    """Of the values of inputs."""
    precision: Literal["tf32", "fp32"]
    paid: bool
    """True if speed is paid: the bench case is verified."""
    modelled: bool
    """True if times are modelled, not measured."""
    gflop: float
    bytes: int
    triton: str
    torch: str
    block_pointers: bool
    turns: int
    played: int
    """Turns that are used up, none of them in the chat."""
    target_speedup: float | None
    submit: str | None
    """Word that ends the episode; None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of the candidate."""

    number: int
    text: str
    blamed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What has to be fixed first."""

    message: str
    case: str | None
    pattern: str | None
    """Which pattern the wrong elements follow."""
    line: int | None
    lines: tuple[SourceLine, ...]
    """The one to blame, and its neighbours."""
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """A finding that rejects."""

    name: str
    evidence: str
    advice: str
    line: int | None
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Cases that failed in the same way."""

    cases: str
    how: str | None
    """None for the way that has to be fixed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A further message, or a warning of the gate."""

    rule: str
    """Empty for a message."""
    text: str
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelResources:
    """What a compiled kernel needs."""

    registers: int
    spill_bytes: int
    shared_bytes: int
    occupancy: float
    limited_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel or an operator of a correct candidate; launches that are alike together."""

    name: str
    launches: int
    custom: bool
    live: bool
    time_us: float
    share: float
    bound: str
    """In words: `device memory`, `tensor cores`, `latency`, ..."""
    roofline_fraction: float | None
    """None, as `bytes` and `flops`, if they can't be counted."""
    bytes: int | None
    flops: int | None
    grid: str | None
    config: str | None
    resources: KernelResources | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostlyLine:
    """A line of the candidate that takes long, or moves much."""

    number: int
    text: str
    time_us: float | None
    """Modelled; None where only counts are known."""
    share: float | None
    """Of the modelled time of the whole program."""
    sectors: float | None
    """32-byte sectors that one instruction of a warp touches; None without accesses."""
    bytes: int
    flops: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A change, and what the hardware model says that it brings."""

    text: str
    """Names kernel, line and argument."""
    saves_us: float
    share: float
    """`saves_us` of the modelled time of the whole program."""
    speedup: float
    """Of the kernel, or of both that become one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A kernel for which the model has no price."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The profile of a correct candidate."""

    device: str
    provenance: str
    """Where the times come from."""
    unpaid: str | None
    """Why speed is not paid; None if it is."""
    limit: str | None
    """What limits it."""
    then: str | None
    """What the sum of all launches says beyond that."""
    time_us: float
    reference_us: float
    roofline_us: float
    interval: tuple[float, float] | None
    """Ends of the 99.8 % interval of the speedup; None for modelled times, and if it is too wide to tell anything."""
    remarks: tuple[str, ...]
    """What is to be known of measured times, the first the most important; mostly nothing."""
    coverage: float
    total: int
    """Kernels and operators."""
    custom: int
    """Those of its own."""
    kernels: tuple[Kernel, ...]
    """The slowest first."""
    more: int
    more_us: float
    """The others."""
    hot_lines: tuple[CostlyLine, ...]
    """The costliest first: by time where the model says, else by traffic."""
    band: tuple[float, float] | None
    """Between which times the model expects the truth, microseconds; None for measured times."""
    speedup_band: tuple[float, float] | None
    """Likewise of the speedup."""
    advice: tuple[Advice, ...]
    """What would help most, the largest saving first; by the model, also where times are measured."""
    unpriced: tuple[Unpriced, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best turn, once a candidate was correct."""

    turn: int
    speedup: float | None
    this: bool
    """True if this turn is better than that one."""
    shown: bool
    """True if it is in the chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """`feedback` in `feedback.md.jinja`."""

    turn: int
    turns: int
    """Of the whole episode."""
    left: int
    over: bool
    ended: Literal["turns", "target", "submitted"] | None
    """Why it is over; None if it is not."""
    outcome: str
    summary: str
    """The verdict in a few words."""
    lost: bool
    """True if there is no verdict."""
    compiled: bool
    correct: bool
    """True if all cases were right; a hack may be."""
    solved: bool
    """True if it is correct and speed is not paid."""
    any_correct: bool
    """True if this or any other turn was `ok`."""
    reward: float | None
    speedup: float | None
    trials: int
    """Input sets that were compared."""
    trials_passed: int
    fix: Fix | None
    rules: tuple[BrokenRule, ...]
    failed: tuple[Failure, ...]
    failed_more: int
    passed: str | None
    also: tuple[Note, ...]
    also_more: int
    performance: Performance | None
    notes: tuple[Note, ...]
    best: Best | None
    submit: str | None
    """Word that ends the episode; None if there is none."""
    brief: bool = False
    """True if there is little room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """`turn` in `history.md.jinja`: an older turn that is still in the chat, rendered once for each role."""

    role: Literal["assistant", "user"]
    number: int
    turns: int
    completion: str
    """What was written."""
    code: str | None
    """The candidate in it; None if there is none."""
    excerpt: str
    """The begin of what was written."""
    feedback: str
    """What was told about it."""
    outcome: str
    summary: str
    lesson: str | None
    """The one thing that was to be fixed, or limits its speed."""
