"""TRLOO on TRL's GRPO trainer: credit turn by turn, ratios, corrections, checkpoints, and what is logged."""
