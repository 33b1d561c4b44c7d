"""Explore cheap, confirm dear: which rollouts of a group an exact evaluator judges."""
