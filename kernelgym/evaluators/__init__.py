"""Evaluators: where a submission meets a problem and becomes a report."""

from kernelgym.evaluators.local import LocalEvaluator
from kernelgym.evaluators.protocol import Evaluator, Inspector, Request
from kernelgym.evaluators.scripted import Script, ScriptedEvaluator

__all__ = [
    # the protocol
    "Evaluator", "Inspector", "Request",
    # evaluators
    "LocalEvaluator", "Script", "ScriptedEvaluator",
]  # fmt: skip
