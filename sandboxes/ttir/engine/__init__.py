"""Runs a module: plans, the machine that executes them, control flow, counts."""
