"""Passes judgement on facts: findings, rewards and shaping as pure functions of a Report."""
