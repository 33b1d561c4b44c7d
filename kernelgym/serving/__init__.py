"""Evaluation as a service: jobs in a ledger, workers behind a broker or in this process tree, an HTTP front."""
