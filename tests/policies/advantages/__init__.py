"""Tests of policies.advantages."""
