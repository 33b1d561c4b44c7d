"""Evaluation as a service: jobs in a ledger, workers behind a broker or in this process tree, an HTTP front."""

import kernelgym.evaluators  # noqa: F401 - before its parts: evaluators by address stand on serving, which stands on messages
