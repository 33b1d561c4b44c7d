"""Tests of policies.curriculum."""
