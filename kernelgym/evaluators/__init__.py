"""Evaluators: where a submission meets a problem and becomes a report."""

from kernelgym.evaluators.cached import CacheCounts, CachedEvaluator
from kernelgym.evaluators.local import LocalEvaluator
from kernelgym.evaluators.pricing import PricingEvaluator
from kernelgym.evaluators.protocol import Evaluator, Inspector, Request
from kernelgym.evaluators.scripted import Script, ScriptedEvaluator

__all__ = [
    # the protocol
    "Evaluator", "Inspector", "Request",
    # evaluators
    "LocalEvaluator", "Script", "ScriptedEvaluator",
    # around others
    "CacheCounts", "CachedEvaluator", "PricingEvaluator",
]  # fmt: skip
