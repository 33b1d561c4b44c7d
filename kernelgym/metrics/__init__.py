"""Metrics: from the episodes of a run to numbers; docs/metrics.md defines each."""

from kernelgym.metrics.attempts import at_k, correct_at_k, fast_at_k
from kernelgym.metrics.board import is_compiled, speedup_of
from kernelgym.metrics.comparing import Contestant, compare
from kernelgym.metrics.comparison import Comparison, Difference, Pairing, RunSummary
from kernelgym.metrics.costs import total_costs
from kernelgym.metrics.families import FAMILIES, family_of
from kernelgym.metrics.hacks import rejecting_rules
from kernelgym.metrics.intervals import Estimate
from kernelgym.metrics.rates import (
    best_speedup,
    compile_rate,
    correct_rate,
    fast_rate,
    hack_rate,
    loss_rate,
    mean_coverage,
    mean_replaced,
    mean_reward,
    mean_speedup,
)
from kernelgym.metrics.summarizing import summarize
from kernelgym.metrics.summary import Attempts, Confirmed, Costs, Family, Hacks, Rates, Summary, TurnSummary
from kernelgym.metrics.views import THRESHOLDS, UNCOUNTED, Baseline, View, counted

__all__ = [
    # what counts, and how
    "Baseline", "THRESHOLDS", "UNCOUNTED", "View", "counted",
    # from episodes to a number
    "best_speedup", "compile_rate", "correct_at_k", "correct_rate", "fast_at_k", "fast_rate", "hack_rate", "loss_rate",
    "mean_coverage", "mean_replaced", "mean_reward", "mean_speedup", "total_costs",
    # to all of them
    "Attempts", "Confirmed", "Costs", "Estimate", "Family", "Hacks", "Rates", "Summary", "TurnSummary", "summarize",
    # of several runs
    "Comparison", "Contestant", "Difference", "Pairing", "RunSummary", "compare",
    # of one report
    "FAMILIES", "at_k", "family_of", "is_compiled", "rejecting_rules", "speedup_of",
]  # fmt: skip
