"""Rejects and weighs tokens by how far the policy that is trained is from the one that sampled them.

The engine that samples and the one that trains give the same token different probabilities (other kernels, other
precision), and a policy that was updated since has moved on purpose. Pure functions of tensors, without any trainer.
"""

from policies.mismatch.metrics import mismatch_metrics
from policies.mismatch.ratios import Level
from policies.mismatch.rejection import RejectionBand, keep_mask
from policies.mismatch.weights import truncated_weights

__all__ = ["Level", "RejectionBand", "keep_mask", "mismatch_metrics", "truncated_weights"]
