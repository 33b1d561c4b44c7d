"""A batch that was sampled by something else than the policy as the trainer computes it, e.g. by vLLM.

What is rejected leaves the loss and its denominators, what is weighed stays, and both are done here once: TRL's own
weights are off.
"""

from typing import Any

import torch
from torch import Tensor

from policies.mismatch import Level, keep_mask, mismatch_metrics, truncated_weights
from policies.training.trainer.trloo_config import TRLOOConfig


class SamplerCorrection:
    """Corrects the tensors that TRL's trainer has made of a batch.

    Args:
        args: Says what is rejected and weighed.
        accelerator: The trainer's.
    """

    def __init__(self, args: TRLOOConfig, accelerator: Any) -> None:
        self._accelerator = accelerator
        self._loss_type = args.loss_type
        self._band = args.rejection_band
        self._rejecting = args.rejection in ("sampling", "both")
        self._level = None if args.sampling_weights == "off" else Level(args.sampling_weights)
        self._most, self._least = args.sampling_weights_max, args.sampling_weights_min

    @property
    def active(self) -> bool:
        """False: `apply` changes nothing, and only tells how far sampler and policy are apart."""
        return self._rejecting or self._level is not None

    def apply(self, output: dict[str, Any], trained: Tensor) -> dict[str, float]:
        """Changes a batch, and returns the numbers of `mismatch_metrics` over all processes.

        Args:
            output: TRL's, with `turn_ids` and advantages per token.
            trained: [B, T], the policy's log-probabilities; those of the sampler are in `output`.
        """
        mask, turn_ids = (output["completion_mask"] * output["tool_mask"]).bool(), output["turn_ids"]
        sampled = output["sampling_per_token_logps"]
        kept = keep_mask(trained, sampled, mask, turn_ids, self._band) if self._rejecting else mask
        if self._level is not None:
            weights = truncated_weights(
                trained, sampled, mask, turn_ids, self._level, upper=self._most, lower=self._least
            )
            if self._loss_type == "vespo":  # has them in its own weight, where their logarithms are added up
                output["importance_sampling_ratio"] = torch.where(mask, weights, 1.0)
            else:  # TRL's losses are linear in the size of an advantage, so this weighs each token's, once
                output["advantages"] = output["advantages"] * weights
        if self._rejecting:
            output["tool_mask"] = output["tool_mask"] * kept
            learned = (output["completion_mask"] * output["tool_mask"]).sum()
            output["num_items_in_batch"] = self._accelerator.gather(learned).sum()
        return self._numbers(trained, sampled, mask, turn_ids, kept)

    def _numbers(self, *tensors: Tensor) -> dict[str, float]:
        """Returns the numbers of these tensors of all processes, [B, T] with the T of the longest, padded with 0."""
        stacked = torch.stack([tensor.double() for tensor in tensors], dim=-1)
        gathered = self._accelerator.gather(self._accelerator.pad_across_processes(stacked, dim=1))
        trained, sampled, mask, turn_ids, kept = gathered.unbind(-1)
        return mismatch_metrics(trained, sampled, mask.bool(), turn_ids.long(), kept.bool(), self._band)
