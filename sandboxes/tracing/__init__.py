"""Traces a candidate: runs inside the sandbox, next to nothing of value."""
