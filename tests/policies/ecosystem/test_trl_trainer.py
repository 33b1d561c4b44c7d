"""TRL's own GRPOTrainer plays and learns in the environment: real tool schema, tool loop and step; scripted answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from policies.ecosystem import TRLEnvironments
from tests.kernelgym.envs.script import Scripted, completion

pytestmark = [
    pytest.mark.slow,
    # Between TRL and transformers: TRL asks the model by an attribute's old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # TRL wants to be told that its environments may change; the range of the extra `train` is narrow for that reason.
    pytest.mark.filterwarnings("ignore:You are using 'environment_factory':UserWarning"),
]


def call(word: str) -> str:
    arguments = json.dumps({"code": completion(word)})
    return f'<tool_call>\n{{"name": "submit_kernel", "arguments": {arguments}}}\n</tool_call><|im_end|>'


ROLLOUTS = [
    [call("incorrect"), call("fast"), "I am done.<|im_end|>"],
    [call("incorrect"), "I am done.<|im_end|>"],
    [call("infrastructure"), "I am done.<|im_end|>"],
    ["I give up.<|im_end|>"],
]
"""What the model of each rollout of a group answers, turn by turn."""


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={char: index for index, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left",
        additional_special_tokens=["<|im_start|>"],
        chat_template=(Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text(encoding="utf-8"),
    )  # fmt: skip
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, max_position_embeddings=2**15, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        )
    )  # fmt: skip

    class ScriptedTrainer(GRPOTrainer):
        """Samples what is written above; everything else is TRL's."""

        turn = 0
        rows: Any = None
        scored: Any = None

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            self.scored = super()._generate_and_score_completions(inputs)
            return self.scored

        def _generate_single_turn(self, prompt_ids: Any, *unused: Any, **also_unused: Any) -> Any:
            live = [rollout for rollout in ROLLOUTS if len(rollout) > self.turn]
            if self.turn:  # those that called no tool are over
                live = [rollout for rollout in live if "tool_call" in rollout[self.turn - 1]]
            assert len(prompt_ids) == len(live)
            self.prompts = [tokenizer.decode(ids) for ids in prompt_ids]
            sampled = [tokenizer(rollout[self.turn])["input_ids"] for rollout in live]
            self.turn += 1
            return sampled, None

    folder = tmp_path_factory.mktemp("trl")
    with TRLEnvironments(evaluator=Scripted(), problems="core/softmax", max_turns=3) as environments:
        args = GRPOConfig(
            output_dir=str(folder), use_cpu=True, bf16=False, activation_checkpointing=False, report_to=[], max_steps=1,
            num_generations=4, per_device_train_batch_size=4, max_completion_length=16_000, logging_steps=1,
            save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        made = ScriptedTrainer(
            model,
            train_dataset=Dataset.from_list(environments.rows()),
            environment_factory=environments,
            processing_class=tokenizer,
            args=args,
        )
        made.train()
        yield made


def test_the_schema_that_trl_derives_tells_what_the_tool_does_and_takes(trainer: Any) -> None:
    from transformers.utils import get_json_schema

    (tool,) = trainer.tools
    schema = get_json_schema(tool)["function"]
    assert schema["name"] == "submit_kernel"
    assert schema["description"].startswith("Compiles, checks and times a program on the task")
    assert schema["parameters"] == {
        "type": "object",
        "properties": {
            "code": {
                "type": "string",
                "description": "The complete Python program, with its imports and the class `ModelNew`.",
            }
        },
        "required": ["code"],
    }


def test_each_rollout_plays_an_episode_of_its_own(trainer: Any) -> None:
    outcomes = [[str(turn.report.outcome) for turn in made.episode.turns] for made in trainer.environments]
    assert outcomes == [["incorrect", "ok"], ["incorrect"], ["infrastructure"], []]


def test_the_reward_is_a_column_and_a_lost_rollout_is_left_out(trainer: Any) -> None:
    best, wrong, lost, silent = (made.get_reward() for made in trainer.environments)
    assert best > wrong >= silent
    assert lost is None
    advantages = trainer.scored["advantages"].tolist()
    assert advantages[0] > 0
    assert advantages[2] == 0
    assert trainer.state.log_history[0]["rewards/TRLEnvironment/mean"] == pytest.approx((best + wrong + silent) / 3)


def test_only_what_the_model_wrote_is_learned(trainer: Any) -> None:
    decode = trainer.processing_class.decode
    ids, mask = trainer.scored["completion_ids"], trainer.scored["completion_mask"] * trainer.scored["tool_mask"]
    learned = [decode(row[keep.bool()]) for row, keep in zip(ids, mask, strict=True)]
    assert learned == ["".join(rollout) for rollout in ROLLOUTS]
    assert "Turn 1 of 3: incorrect" in decode(ids[0])


def test_the_step_changes_the_model(trainer: Any) -> None:
    assert trainer.state.global_step == 1
    assert trainer.state.log_history[0]["grad_norm"] > 0
    assert trainer.state.log_history[0]["tools/failure_frequency"] == 0
