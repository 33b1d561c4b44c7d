"""Who gets how much credit, over all processes: groups may be spread over several of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from policies.advantages import AdvantageOptions, Advantages, Estimator, Prior, advantages, updated_prior
from policies.training.trainer.batch_tensors import BatchTensors


class Credit:
    """Turns rewards into advantages, batch by batch.

    Args:
        options: The estimator's.
        remember: For the estimator `ebpo`: shrinks to what all batches so far have shown, not to the batch's own.
        accelerator: The trainer's.
    """

    def __init__(self, options: AdvantageOptions, accelerator: Any, *, remember: bool) -> None:
        self._accelerator = accelerator
        self._remember = remember and options.estimator is Estimator.EBPO
        self._options = replace(options, prior=Prior()) if self._remember else options

    def of(self, rows: BatchTensors, group_size: int, *, learning: bool) -> Advantages:
        """Returns the advantages of this process's rows, [B, K] with K the most turns on any process.

        Args:
            rows: As many on every process; groups are `group_size` rows in a row, over all processes.
            group_size: Episodes of one problem.
            learning: False: the batch is not remembered.
        """
        pair = torch.stack([rows.rewards, rows.counted.float()], dim=-1)
        pair = self._accelerator.pad_across_processes(pair, dim=1, pad_index=0)
        everyone = self._accelerator.gather(pair).cpu()
        rewards, counted = everyone[..., 0].contiguous(), everyone[..., 1] > 0
        groups = torch.arange(len(everyone)) // group_size
        found = advantages(rewards, counted, groups, self._options)
        if self._remember and learning:
            self._options = replace(self._options, prior=updated_prior(rewards, counted, groups, self._options))
        first = self._accelerator.process_index * len(rows.rewards)
        mine = slice(first, first + len(rows.rewards))
        return Advantages(values=found.values[mine], returns=found.returns[mine], group_sizes=found.group_sizes[mine])

    def state(self) -> dict[str, Any]:
        """Returns what later advantages depend on, as plain data."""
        return {} if self._options.prior is None else {"prior": self._options.prior.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned."""
        if self._remember:
            self._options = replace(self._options, prior=Prior.restored(state["prior"]))
