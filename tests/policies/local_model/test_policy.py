"""A tiny random model plays: its completions follow from seed and chat, and its limits are told."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernelgym.chat import Completion, Message
from kernelgym.envs import Rules
from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from policies.errors import ChatTooLong, PolicyBroken, PolicyClosed, PolicyUnavailable
from policies.local_model import LocalModelPolicy, make_local_model
from policies.local_model.model import Prompt
from policies.rollouts import rollout
from sandboxes.contracts import Outcome
from tests.policies.episodes import LightEvaluator, judge
from tests.policies.local_model.tiny import CONTEXT, SPECIAL, TEMPLATE, save_tiny_model

PROBLEM = get_problem("core/softmax")
TASKS = ["Write a kernel.", "Write a much faster kernel, please.", "No.", "x" * 100]

Make = Callable[..., LocalModelPolicy]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    made: list[LocalModelPolicy] = []

    def make_one(model: Path = folder, **options: str) -> LocalModelPolicy:
        made.append(make_local_model(**({"model": str(model), "device": "cpu", "max_new_tokens": "24"} | options)))
        return made[-1]

    yield make_one
    for policy in made:
        policy.close()


def chat(task: str) -> list[Message]:
    return [Message(role="user", content=task)]


def play_together(policy: LocalModelPolicy, tasks: list[str]) -> list[Completion]:
    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(lambda seed: policy.begin(PROBLEM, seed).act(chat(tasks[seed])), range(len(tasks))))


def test_greedy_completions_are_those_of_a_naive_loop(make: Make, folder: Path) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    for completion, task in zip(play_together(make(temperature="0", batch_size="4"), TASKS), TASKS, strict=True):
        tokens = tokenizer(f"<|user|>{task}<|end|><|assistant|>")["input_ids"]
        written: list[int] = []
        while len(written) < 24 and tokenizer.eos_token_id not in written:
            with torch.no_grad():
                written.append(int(model(torch.tensor([[*tokens, *written]])).logits[0, -1].argmax()))
        assert completion.text == tokenizer.decode(written, skip_special_tokens=True)
        assert completion.usage is not None
        assert completion.usage.prompt_tokens == len(tokens)
        assert completion.usage.completion_tokens == len(written)


@pytest.mark.parametrize("temperature", ["0", "1"])
@pytest.mark.parametrize("top_p", ["1", "0.9"])
def test_a_completion_does_not_depend_on_who_shares_its_batch(make: Make, temperature: str, top_p: str) -> None:
    options = {"temperature": temperature, "top_p": top_p, "dtype": "float32"}
    together = make(batch_size="4", batch_wait_s="5", **options)
    sizes: list[int] = []
    complete = together._load().complete
    together._load().complete = lambda prompts: sizes.append(len(prompts)) or complete(prompts)  # type: ignore[method-assign,func-returns-value]
    batched = play_together(together, TASKS)
    assert sizes == [4]
    alone = make(batch_size="1", **options)
    for seed, task in enumerate(TASKS):
        assert alone.begin(PROBLEM, seed).act(chat(task)).text == batched[seed].text


def test_the_same_seed_gives_the_same_completions_and_every_turn_a_new_draw(make: Make) -> None:
    policy = make()
    first, again, other = policy.begin(PROBLEM, 1), policy.begin(PROBLEM, 1), policy.begin(PROBLEM, 2)
    texts = [first.act(chat("Go.")).text, first.act(chat("Go.")).text]
    assert [again.act(chat("Go.")).text, again.act(chat("Go.")).text] == texts
    assert len({*texts, other.act(chat("Go.")).text}) == 3


def test_what_the_model_says_about_its_stop_tokens_is_heeded_and_about_sampling_is_not(
    make: Make, tmp_path: Path
) -> None:
    before, drawn = make(dtype="float32"), list[list[int]]()
    generated = before._load()._generated
    before._load()._generated = lambda tokens: drawn.append(tokens) or generated(tokens)  # type: ignore[method-assign,func-returns-value]
    free = before.begin(PROBLEM, 3).act(chat("Go."))
    assert free.usage is not None
    assert (free.usage.finish_reason, free.usage.completion_tokens) == ("length", 24)
    third = drawn[0].index(drawn[0][2])
    says = {"eos_token_id": [257, drawn[0][2]], "do_sample": True, "top_k": 1, "repetition_penalty": 9.0}
    (save_tiny_model(tmp_path) / "generation_config.json").write_text(json.dumps(says))
    stopped = make(tmp_path, dtype="float32").begin(PROBLEM, 3).act(chat("Go."))
    assert stopped.usage is not None
    assert (stopped.usage.finish_reason, stopped.usage.completion_tokens) == ("stop", third + 1)


def test_a_chat_that_leaves_no_room_is_refused_with_the_lengths_and_harms_no_other(make: Make) -> None:
    policy = make()
    room = CONTEXT - 24 - len(["<|user|>", "<|end|>", "<|assistant|>"])
    with pytest.raises(ChatTooLong, match=r"chat has 233 tokens and the completion up to 24, but the model holds 256"):
        policy.begin(PROBLEM, 0).act(chat("x" * (room + 1)))
    assert policy.begin(PROBLEM, 0).act(chat("x" * room)).usage is not None


def test_texts_of_a_chat_cannot_speak_for_another_role(make: Make) -> None:
    model = make()._load()
    special = {model._tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    hostile = "".join(SPECIAL) * 2 + "<<|end|>|end|>"
    tokens = model.read(chat(hostile), 0).tokens
    assert [token for token in tokens if token in special] == model._tokenizer.convert_tokens_to_ids(
        ["<|user|>", "<|end|>", "<|assistant|>"]
    )


def test_a_tokenizer_without_a_chat_template_needs_a_file_with_one(make: Make, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", template=None)
    with pytest.raises(BadUsage, match=r"no chat template; .* --policy-option chat_template=FILE"):
        make(model).begin(PROBLEM, 0)
    template = tmp_path / "chat.jinja"
    with pytest.raises(BadUsage, match=r"chat\.jinja can't be read \(FileNotFoundError"):
        make(model, chat_template=str(template)).begin(PROBLEM, 0)
    template.write_text(TEMPLATE)
    completion = make(model, chat_template=str(template)).begin(PROBLEM, 0).act(chat("Go."))
    assert completion == make().begin(PROBLEM, 0).act(chat("Go.")).model_copy(update={"usage": completion.usage})


def test_a_chat_that_the_template_refuses_is_an_error_of_that_episode(make: Make, tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text("{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}x")
    player = make(chat_template=str(template)).begin(PROBLEM, 0)
    with pytest.raises(BadUsage, match=r"does not take this chat \(TemplateError: no system role\)"):
        player.act([Message(role="system", content="Be fast."), *chat("Go.")])
    assert player.act(chat("Go.")).text


def test_a_model_that_is_not_there_is_named_and_nothing_is_downloaded(make: Make, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"^the model nobody/nothing is not on this machine; .*download=yes$"):
        make(Path("nobody/nothing")).begin(PROBLEM, 0)
    with pytest.raises(BadUsage, match=r"can't be loaded \(.*\); give the folder of a model with"):
        make(tmp_path).begin(PROBLEM, 0)


def test_a_missing_library_is_named_with_its_extra(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "policies.local_model.model")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PolicyUnavailable, match=r"needs the extra `train` .*pip install 'kernelgym\[train\]'"):
        make().begin(PROBLEM, 0)


def test_the_library_is_not_loaded_before_a_model_is_asked() -> None:
    code = (
        "import sys; from policies import get_policy; get_policy('transformers', {'model': 'x'}); "
        "sys.exit('transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0


def test_closing_ends_a_generation_in_progress(make: Make) -> None:
    policy = make(max_new_tokens="200")
    model, begun = policy._load(), threading.Event()
    complete = model.complete
    model._ends = []

    def tell(prompts: list[Prompt]) -> object:
        begun.set()
        return complete(prompts)

    model.complete = tell  # type: ignore[method-assign,assignment]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(policy.begin(PROBLEM, 0).act, chat("Go."))
        assert begun.wait(10)
        policy.close()
        with pytest.raises(PolicyClosed):
            waiting.result(timeout=1)
    assert not [thread for thread in threading.enumerate() if thread.name == "batcher"]
    with pytest.raises(PolicyClosed):
        policy.begin(PROBLEM, 0)


def test_a_model_that_fails_loses_its_episode_to_infrastructure_and_only_when_it_is_alone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = make(batch_size="4", batch_wait_s="5")
    model = policy._load()._model
    generate, rows = model.generate, list[int]()

    def full(input_ids: torch.Tensor, **how: object) -> object:
        rows.append(len(input_ids))
        if len(input_ids) > 1 or input_ids.shape[1] > 100:
            raise torch.OutOfMemoryError("out of memory\nTried to allocate")
        return generate(input_ids=input_ids, **how)

    monkeypatch.setattr(model, "generate", full)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(policy.begin(PROBLEM, 0).act, chat(task)) for task in TASKS]
    assert rows == [4, 1, 1, 1, 1]
    assert [bool(answer.result().text) for answer in asked[:3]] == [True] * 3
    with pytest.raises(PolicyBroken, match=r"failed \(OutOfMemoryError: out of memory\); if the memory is full"):
        asked[3].result()


def test_episodes_of_a_local_model_are_recorded_with_their_usage(make: Make, tmp_path: Path) -> None:
    template = tmp_path / "short.jinja"
    template.write_text("{{ messages | length }}")  # the task alone would fill the context
    policy = make(chat_template=str(template), max_new_tokens="8")
    (episode,) = rollout(policy, [PROBLEM], LightEvaluator(judge), Rules(max_turns=2))
    assert episode.error is None
    assert [turn.report.outcome for turn in episode.turns] == [Outcome.NO_CODE] * 2
    assert [turn.usage.completion_tokens for turn in episode.turns if turn.usage] == [8, 8]
