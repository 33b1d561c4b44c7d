"""Turns an untrusted submission into facts: trace, compile, replay, profile."""
