"""Tests of policies.mismatch."""
