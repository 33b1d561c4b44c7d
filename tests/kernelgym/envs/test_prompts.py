"""The prompt says all that is needed, and nothing that is secret."""

import pytest

from kernelgym.envs import Rules, write_prompt
from kernelgym.problems import Problem, get_problem, list_problems
from sandboxes.contracts import (
    ArgumentSequence,
    Case,
    CaseKind,
    Description,
    EvalConfig,
    Precision,
    Reference,
    TensorSpec,
    TorchConstant,
)
from sandboxes.extraction import extract
from tests.kernelgym.envs.script import described

SEEDS = EvalConfig(seed=987654321, weight_seeds=(192837465, 564738291))


def prompt(problem: Problem | None = None, description: Description | None = None, **rules: object) -> str:
    problem = problem or get_problem("core/softmax")
    return write_prompt(problem, description or described(problem), Rules(**rules))  # type: ignore[arg-type]


def spec(*shape: int, stride: tuple[int, ...] | None = None) -> TensorSpec:
    return TensorSpec(shape=shape, dtype="float32", stride=stride or (1,) * len(shape))


def make_description(*cases: Case, source: str = "class Model: ...", gflop: float = 1.0) -> Description:
    return Description(
        reference=Reference(id="p/x", source=source), cases=cases, output=spec(3), distributions=("x1", "new"),
        gflop=gflop, bytes=2_500_000_000 if gflop > 1000 else 1000,
    )  # fmt: skip


def make_case(
    name: str, *, bench: bool = False, inputs: tuple[object, ...] = (), init: tuple[object, ...] = ()
) -> Case:
    kind = CaseKind.BENCH if bench else CaseKind.CHECK
    return Case.model_validate({"name": name, "kind": kind, "shape": {}, "inputs": inputs, "init_inputs": init})


@pytest.mark.parametrize("problem", list_problems("core/*"), ids=lambda problem: problem.id)
def test_every_problem_gets_its_cases_its_source_and_no_seed(problem: Problem) -> None:
    text = prompt(problem, config=SEEDS)
    assert problem.reference.source.strip() in text
    assert all(f"| {case.name} |" in text for case in described(problem).cases)
    assert not any(str(seed) in text for seed in (SEEDS.seed, *SEEDS.weight_seeds))
    assert len(text) < 9_000


def test_it_names_the_target_and_its_numbers() -> None:
    text = prompt(config=EvalConfig(target="a100"))
    assert "one NVIDIA A100-SXM4-80GB" in text
    assert "108 multiprocessors" in text
    assert "2,039 GB/s" in text


def test_strides_are_told_where_a_tensor_is_not_contiguous() -> None:
    assert "`float16[2, 8, 512, 64] strides (262144, 64, 512, 1)`" in prompt(get_problem("core/causal_attention"))
    assert "strides (" not in prompt()


def test_arguments_of_init_are_told_by_case_where_they_differ() -> None:
    small = make_case("small", inputs=(spec(2),), init=(3, "a|b`\n"))
    large = make_case("large", bench=True, inputs=(spec(2),), init=(300, None))
    text = prompt(description=make_description(small, large))
    assert "| small | checked | `3`, `'a\\|b'\\n'` | `float32[2]` |" in text
    assert "| large | timed | `300`, `None` | `float32[2]` |" in text
    same = prompt(description=make_description(large.model_copy(update={"name": "b"}), large))
    assert "`__init__` is called with `300`, `None`." in same


def test_sizes_must_not_be_written_out_where_the_reference_is_scaled() -> None:
    large = make_case("large", bench=True, init=(3, 3))
    small = large.model_copy(update={"name": "n=3", "kind": CaseKind.CHECK, "constants": {"n": 3}})
    text = prompt(description=make_description(small, large))
    assert "Checked cases are the reference with the constants that their names say." in text
    assert "`__init__` is called with `3`, `3`." in text
    assert "Checked cases are the reference" not in prompt()


def test_arguments_of_any_kind_can_be_told_and_many_are_cut() -> None:
    inputs = (
        ArgumentSequence(kind="list", items=(spec(2), 1.5, True)), ArgumentSequence(kind="tuple", items=(3, 1, 1)),
        ArgumentSequence(kind="tuple", items=(3,)), TorchConstant(kind="dtype", name="float32"),
        TorchConstant(kind="device", name="cuda"), spec(1), spec(1), *(spec(size) for size in range(2, 22)),
    )  # fmt: skip
    text = prompt(description=make_description(make_case("one", bench=True, inputs=inputs)))
    assert (
        "`[float32[2], 1.5, True]`, `(3, 1, 1)`, `(3,)`, `torch.float32`, `torch.device('cuda')`, 2 × `float32[1]`"
        in text
    )
    assert "and 14 more |" in text


def test_a_fence_in_the_reference_does_not_end_the_block() -> None:
    source = 'class Model:\n    """\n    ````python\n    ```\n    """\n'
    problem = get_problem("core/softmax").model_copy(update={"reference": Reference(id="p/x", source=source)})
    text = prompt(problem, make_description(make_case("one", bench=True), source=source))
    assert f"\n`````python\n{source.rstrip()}\n`````\n" in text


def test_a_bench_that_is_too_large_to_be_executed_is_admitted() -> None:
    case = make_case("one", bench=True)
    assert "speed is not" in prompt(description=make_description(case, gflop=1234.0))
    assert "1,234 GFLOP, 2.5 GB" in prompt(description=make_description(case, gflop=1234.0))
    assert "speed is not" not in prompt()


def test_speed_that_is_not_paid_is_asked_for_nowhere() -> None:
    text = prompt(description=make_description(make_case("one", bench=True), gflop=1234.0), target_speedup=2.0)
    assert text.endswith("It ends when the turns are used up, or you send a last line `SUBMIT`.\n")
    intro, _, rest = text.partition("# Reference")
    assert "correct first (speed is shown, not paid)" in intro
    assert "| one | priced only |" in rest
    assert "neither speed nor coverage is paid" in rest.partition("# Shapes")[2].partition("|")[0]
    assert "timed" not in text
    assert "as fast as possible" not in text
    assert "as fast as possible" in prompt()
    assert "| timed |" in prompt()


def test_control_characters_of_a_reference_are_shown_as_codes() -> None:
    source = "class Model:\r\n    'a\x1b[2Jb\x1b]0;title\x07\u202e\ud800'\n"
    problem = get_problem("core/softmax")
    reference = problem.reference.model_copy(update={"source": source})
    text = prompt(problem.model_copy(update={"reference": reference}), make_description(make_case("one", bench=True)))
    assert "class Model:\n    'a\\x1b[2Jb\\x1b]0;title\\x07\\u202e\\ud800'\n" in text
    assert text.replace("\n", "").isprintable()


def test_versions_are_told_without_their_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernelgym.envs.prompts.version", {"torch": "2.13.0+cpu", "triton": "3.9.0"}.__getitem__)
    assert "Triton 3.9.0, PyTorch 2.13.0. " in prompt()
    assert "`tl.make_block_ptr` and `tl.advance` do not work" in prompt()


def test_the_precision_and_the_turns_are_told() -> None:
    assert "may round their inputs to TF32" in prompt()
    assert 'input_precision="ieee"' in prompt(config=EvalConfig(precision=Precision.FP32))
    assert "You have 5 turns" in prompt(max_turns=5)
    assert "or 2.5× the reference's speed is reached" in prompt(target_speedup=2.5)
    assert "You have one turn" in prompt(max_turns=1)


@pytest.mark.parametrize(("version", "told"), [("3.8.1", False), ("3.9.0", True), ("3.10.0+git1", True)])
def test_block_pointers_are_ruled_out_where_triton_has_none(
    monkeypatch: pytest.MonkeyPatch, version: str, told: bool
) -> None:
    monkeypatch.setattr("kernelgym.envs.prompts.version", lambda _: version)
    assert ("`tl.make_block_ptr`" in prompt()) is told


def test_an_answer_with_nothing_but_the_prompt_is_no_crash() -> None:
    assert extract(prompt())
