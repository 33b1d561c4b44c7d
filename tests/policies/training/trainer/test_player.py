"""Who may sample: the model itself only where each process can ask it alone."""

from types import SimpleNamespace

import pytest

from kernelgym.errors import BadUsage
from policies.training.trainer.player import player_of
from tests.policies.training.byte_tokenizer import byte_tokenizer


@pytest.mark.parametrize(("fsdp", "stage"), [(True, None), (False, 3)])
def test_a_model_that_is_sharded_over_processes_does_not_sample_by_itself(fsdp: bool, stage: int | None) -> None:
    plugin = None if stage is None else SimpleNamespace(zero_stage=stage)
    trainer = SimpleNamespace(
        args=SimpleNamespace(use_vllm=False), _tokenizer=byte_tokenizer(), eos_token_ids=[], is_fsdp_enabled=fsdp,
        accelerator=SimpleNamespace(state=SimpleNamespace(deepspeed_plugin=plugin)),
    )  # fmt: skip
    with pytest.raises(BadUsage, match=r"sharded over processes.*use_vllm=True"):
        player_of(trainer, None, None, SimpleNamespace(rank=0, size=2))  # type: ignore[arg-type] # refused before that
