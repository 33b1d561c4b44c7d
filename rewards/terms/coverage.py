"""Terms that look at whose kernels do the work."""

from typing import ClassVar

from rewards.terms.base import PerformanceTerm, Positive
from rewards.terms.speed import SPEEDUP_CAP
from sandboxes.contracts import Profile


class Coverage(PerformanceTerm):
    """Pays `PR = T_own / T_live`, the share of live device time in the candidate's own kernels that matter.

    Time on the device only, of nodes whose results reach an output. Useless work in own kernels raises it; see
    `GuardedCoverage`.

    Source:
        Dr.Kernel, Eq. 7.
    """

    key: ClassVar[str] = "coverage"

    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the share."""
        return profile.coverage, f"PR = {profile.coverage:.1%} of the device time is in its own kernels"


class GuardedCoverage(PerformanceTerm):
    """Pays a `PR` for which useless work in own kernels never pays, next to a speedup with the same cap.

    The paper's `PR` is the share of the candidate's own kernels in its time `T`. Under the cap on the speedup a
    candidate that is faster than it has to be may fill the slack with useless work: `PR` rises, nothing falls. So may
    one whose PyTorch operators alone take longer than the reference. Here

        PR = 1 - T_other / max(T, T_ref / cap)    and 0 if T_other > T_ref

    where `T_other` is the time of all that is not in own kernels that matter: PyTorch's operators, kernels whose
    results nobody uses, and kernels that might as well be left out (`NodeProfile.counts`). Filling memory with
    constants (`torch.zeros` before atomics) is no work that anybody replaces: up to `T_ref / cap` of it is left out of
    `T_other`, though not of `T`. Beyond that, filling would be the problem itself. For programs up to `cap` times as
    fast as the reference and without such nodes, that is the paper's `PR`.

    A slower kernel of one's own may raise it, but costs as much speedup at least: it is safe in a sum with a `speedup`
    of the same cap and no less weight. Anywhere else, e.g. alone or next to `fast_p`, take `replaced`.

    Source:
        Dr.Kernel, Eq. 7, changed.
    """

    key: ClassVar[str] = "guarded_coverage"

    cap: Positive = SPEEDUP_CAP
    """That of the `speedup` in the same sum."""

    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the guarded share."""
        share = guarded_share(profile, self.cap)
        return share, (
            f"PR = {share:.1%}: everything but its own kernels takes {other_us(profile, self.cap):.4g} us, "
            f"the reference {profile.reference_time_us:.4g} us"
        )


class Replaced(PerformanceTerm):
    """Pays the share of the reference's time that is not left to PyTorch's operators; own kernels' time is not in it.

    Source:
        Our own (`Profile.replaced`).
    """

    key: ClassVar[str] = "replaced"

    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the fraction; 0 if the report is too old to have it."""
        if profile.replaced is None:
            return 0.0, "the report does not say how much is replaced"
        return profile.replaced, f"{profile.replaced:.1%} of the reference's time is not left to PyTorch"


def guarded_share(profile: Profile, cap: float = SPEEDUP_CAP) -> float:
    """Returns the `PR` of `GuardedCoverage`, between 0 and 1."""
    other, reference = other_us(profile, cap), profile.reference_time_us
    whole = max(profile.time_us, reference / cap)
    if other > reference or whole <= 0:
        return 0.0
    return min(max(1.0 - other / whole, 0.0), 1.0)


def other_us(profile: Profile, cap: float = SPEEDUP_CAP) -> float:
    """Returns the time of everything but own kernels that matter, and fills up to `1 / cap` of the reference's time."""
    others = [node for node in profile.nodes if not node.counts]
    fills = sum(node.time_us for node in others if node.fills)
    work = sum(node.time_us for node in others if not node.fills)
    return work + max(fills - profile.reference_time_us / cap, 0.0)
