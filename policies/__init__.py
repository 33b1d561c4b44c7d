"""Learners: policies, rollouts and trainers that improve in the environment."""
