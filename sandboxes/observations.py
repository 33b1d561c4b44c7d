"""What came out when a program was run again with the results of a kernel replaced."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sandboxes.contracts import Launch, Profile, Trace
from sandboxes.dataflow import Dataflow


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFacts:
    """What was observed of one live launch, or of all live launches of one kernel."""

    kernel: str
    position: int | None
    """Which of the kernel's live launches, in order; None stands for all of them."""
    line: int | None
    """Where the candidate launches it."""
    hands_on: str | None = None
    """In words, if whatever it stores is what it has loaded, or what was there before, for any data."""
    influences: bool | None = None
    """False if outputs stay right whatever the kernel stores; None if that was not found out."""
    runs: int = 0
    """Program runs with its results replaced."""
    largest: float = 0.0
    """The largest value that its results were replaced by."""

    @property
    def matters(self) -> bool:
        """False if the launch might as well be left out."""
        return self.influences is not False and self.hands_on is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """Everything that was observed; empty where kernels do all the work, so that there was nothing to find out."""

    kernels: tuple[KernelFacts, ...] = ()
    seconds: float = 0.0
    """What it took."""

    def of(self, trace: Trace, flow: Dataflow) -> dict[int, KernelFacts]:
        """Returns what was observed of the live launches of another trace of the program, by node index."""
        positions = live_positions(trace, flow)
        counts = Counter(kernel for kernel, _ in positions.values())
        observed = Counter(facts.kernel for facts in self.kernels)
        known: Mapping[tuple[str, int | None], KernelFacts] = {(f.kernel, f.position): f for f in self.kernels}
        found: dict[int, KernelFacts] = {}
        for index, (kernel, position) in positions.items():
            facts = known.get((kernel, None))
            if facts is None and counts[kernel] == observed[kernel]:
                facts = known.get((kernel, position))
            if facts is None:  # launched more or less often here: what is true of all launches is true of these
                alike = [item for item in self.kernels if item.kernel == kernel]
                facts = alike[0] if alike and not any(item.matters for item in alike) else None
            if facts is not None:
                found[index] = facts
        return found


def live_positions(trace: Trace, flow: Dataflow) -> dict[int, tuple[str, int]]:
    """Returns for each live launch, by node index, its kernel and which of the kernel's live launches it is."""
    seen: Counter[str] = Counter()
    found: dict[int, tuple[str, int]] = {}
    for index, node in enumerate(trace.nodes):
        if isinstance(node, Launch) and index in flow.live:
            found[index] = (node.kernel, seen[node.kernel])
            seen[node.kernel] += 1
    return found


def with_observations(profile: Profile, observations: Observations, trace: Trace, flow: Dataflow) -> Profile:
    """Returns the profile with kernels that do not matter left out of its coverage."""
    facts = observations.of(trace, flow)
    nodes = tuple(
        node.model_copy(update={"influences": facts[node.node].matters}) if node.node in facts else node
        for node in profile.nodes
    )
    live = sum(node.time_us for node in nodes if node.live)
    own = sum(node.time_us for node in nodes if node.counts)
    return profile.model_copy(update={"nodes": nodes, "coverage": own / live if live else 0.0})
