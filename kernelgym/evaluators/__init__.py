"""Evaluators: where a submission meets a problem and becomes a report."""

from kernelgym.evaluators.cached import CacheCounts, CachedEvaluator
from kernelgym.evaluators.local import LocalEvaluator
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.opening import open_evaluator
from kernelgym.evaluators.pricing import PricingEvaluator
from kernelgym.evaluators.protocol import Checking, Evaluator, Inspector, Request, check_config
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.evaluators.scripted import Script, ScriptedEvaluator
from kernelgym.evaluators.streaming import Progress, evaluate_all

__all__ = [
    # the protocol
    "Checking", "Evaluator", "Inspector", "Request", "check_config",
    # evaluators
    "LocalEvaluator", "Manners", "QueueEvaluator", "Script", "ScriptedEvaluator",
    # by address
    "open_evaluator",
    # many requests
    "Progress", "evaluate_all",
    # around others
    "CacheCounts", "CachedEvaluator", "PricingEvaluator",
]  # fmt: skip
