"""Candidates after Triton's public tutorials."""
