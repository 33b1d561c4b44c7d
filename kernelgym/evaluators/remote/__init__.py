"""Evaluators behind HTTP: clients of `kernelgym serve`; need the extra `api`."""

from kernelgym.evaluators.remote.asynchronous import AsyncKernelGymClient, Ticket
from kernelgym.evaluators.remote.client import KernelGymClient

__all__ = ["AsyncKernelGymClient", "KernelGymClient", "Ticket"]
