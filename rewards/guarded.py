"""The paper's reward without its gap: time that own kernels waste raises nothing."""

from collections.abc import Sequence

from rewards.drkernel import SPEEDUP_CAP, drkernel_paper
from rewards.reward import Reward, Term
from sandboxes.contracts import Profile, Report


def drkernel_guarded(report: Report, history: Sequence[Report] = ()) -> Reward:
    """Scores like `drkernel_paper`, with a coverage that useless work in own kernels can't raise.

    The paper's `PR` is the share of the candidate's own kernels in its time `T`. Under the cap on the speedup a
    candidate that is faster than it has to be may fill the slack with useless work: `PR` rises, nothing falls. So may
    one whose PyTorch operators alone take longer than the reference. Here

        PR = 1 - T_other / max(T, T_ref / 3)    and 0 if T_other > T_ref

    where `T_other` is the time of all that is not in own kernels that matter: PyTorch's operators, kernels whose
    results nobody uses, and kernels that might as well be left out (`NodeProfile.counts`). Filling memory with
    constants (`torch.zeros` before atomics) is no work that anybody replaces: up to `T_ref / 3` of it is left out of
    `T_other`, though not of `T`. Beyond that, filling would be the problem itself. For programs up to three times as
    fast as the reference and without such nodes, that is the paper's `PR`.

    Args:
        report: Any evaluation.
        history: Is not looked at.

    Returns:
        Terms as `drkernel_paper`, in total between 0 and 5. More time in own kernels, or in fills, never makes it more.

    Source:
        Dr.Kernel, Eq. 1, 7 and 8, with Eq. 7 changed.
    """
    reward = drkernel_paper(report)
    profile = report.profile
    if profile is None or report.speedup is None:
        return reward
    share = guarded_share(profile)
    note = (
        f"PR = {share:.1%}: everything but its own kernels takes {other_us(profile):.4g} us, "
        f"the reference {profile.reference_time_us:.4g} us"
    )
    kept = tuple(term for term in reward.breakdown if term.name != "coverage")
    return Reward((*kept, Term("coverage", share, note)))


def guarded_share(profile: Profile) -> float:
    """Returns the `PR` of `drkernel_guarded`, between 0 and 1."""
    other, reference = other_us(profile), profile.reference_time_us
    whole = max(profile.time_us, reference / SPEEDUP_CAP)
    if other > reference or whole <= 0:
        return 0.0
    return min(max(1.0 - other / whole, 0.0), 1.0)


def other_us(profile: Profile) -> float:
    """Returns the time of everything but own kernels that matter, and fills up to a third of the reference's time."""
    others = [node for node in profile.nodes if not node.counts]
    fills = sum(node.time_us for node in others if node.fills)
    work = sum(node.time_us for node in others if not node.fills)
    return work + max(fills - profile.reference_time_us / SPEEDUP_CAP, 0.0)
