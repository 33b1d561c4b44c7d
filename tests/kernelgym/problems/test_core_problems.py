import ast
import types

import pytest
import torch

from kernelgym.problems import get_problem, list_problems, list_solutions
from sandboxes.contracts import CaseKind, Outcome
from sandboxes.distributions import Distribution
from sandboxes.nested import labelled, to_double
from sandboxes.reference import LiveReference

PROBLEMS = [problem.id for problem in list_problems("core/*")]


def module_of(problem_id: str) -> types.ModuleType:
    module = types.ModuleType("reference")
    exec(get_problem(problem_id).reference.source, module.__dict__)
    return module


def cases_of(problem_id: str) -> list[dict[str, int]]:
    return module_of(problem_id).CHECK_SHAPES


def outputs_of(model, inputs) -> list[torch.Tensor]:
    return [tensor for _, tensor in labelled(model(*inputs))]


@pytest.mark.parametrize("precision", ["own", "float64"])
@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_every_reference_gives_finite_and_varied_outputs_at_every_check_shape(problem_id, precision):
    reference = LiveReference(get_problem(problem_id).reference)
    model = reference.model(reference.cases[0], 5)
    if precision == "float64":
        model = model.double()
    seen_integers: dict[int, set[int]] = {}
    for case in reference.cases:
        if case.kind is not CaseKind.CHECK:
            continue
        for distribution in reference.distributions:
            inputs = reference.draw(case, distribution, seed=5)
            with torch.no_grad():
                outputs = outputs_of(model, map(to_double, inputs) if precision == "float64" else inputs)
            assert outputs
            for position, output in enumerate(outputs):
                where = f"output {position} of {case.shape} {distribution}"
                distinct = output.unique()
                if output.is_floating_point():
                    assert output.dtype == torch.float64 or precision == "own"
                    assert torch.isfinite(output).all(), where
                    if distribution is Distribution.NEGATIVE:
                        continue  # a ReLU leaves nothing of them
                    assert (output != 0).any(), f"{where} is nothing but zeros"
                    if output.numel() >= 64:
                        assert distinct.numel() >= 8, f"{where} is (nearly) constant"
                else:  # few distinct values are honest where they are indices or counts, but one is not
                    assert output.numel() < 16 or distinct.numel() >= 2, f"{where} is constant"
                    seen_integers.setdefault(position, set()).update(distinct.tolist())
    assert all(len(values) >= 8 for values in seen_integers.values()), "integers that (nearly) never vary"


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_inputs_weights_and_outputs_have_one_floating_point_dtype(problem_id):
    """The tolerance follows from the dtype of the output, the error from that of the inputs."""
    module = module_of(problem_id)
    inputs = module.get_inputs(**module.CHECK_SHAPES[1])
    model = module.Model(*module.get_init_inputs())
    tensors = [*inputs, *model.parameters(), *outputs_of(model, inputs)]
    assert len({tensor.dtype for tensor in tensors if tensor.is_floating_point()}) == 1


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_the_floating_point_outputs_depend_smoothly_on_every_input_and_weight(problem_id):
    module = module_of(problem_id)
    torch.manual_seed(5)
    model = module.Model(*module.get_init_inputs()).double()
    inputs = [to_double(value) for value in module.get_inputs(**module.CHECK_SHAPES[1])]
    sources = [value.requires_grad_() for value in inputs if value.is_floating_point()] + list(model.parameters())
    smooth = [output for output in outputs_of(model, inputs) if output.is_floating_point()]
    if not smooth:
        pytest.skip("it only gives integers; the next test is about these too")
    torch.stack([output.square().sum() for output in smooth]).sum().backward()
    assert all(source.grad is not None and (source.grad != 0).any() for source in sources)


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_every_output_changes_with_the_inputs_and_some_output_with_each_of_them(problem_id):
    module = module_of(problem_id)
    shape = module.CHECK_SHAPES[1]
    torch.manual_seed(5)
    model = module.Model(*module.get_init_inputs())
    torch.manual_seed(6)
    first = module.get_inputs(**shape)
    second = module.get_inputs(**shape)
    with torch.no_grad():
        before = outputs_of(model, first)
        assert all(not torch.equal(a, b) for a, b in zip(before, outputs_of(model, second), strict=True))
        for position, value in enumerate(second):
            after = outputs_of(model, [*first[:position], value, *first[position + 1 :]])
            assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)), f"input {position}"


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_weights_depend_on_the_seed(problem_id):
    module = module_of(problem_id)

    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(module.Model(*module.get_init_inputs()).parameters())

    assert all(not torch.equal(a, b) for a, b in zip(weights(1), weights(2), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_check_shapes_are_awkward(problem_id):
    shapes = cases_of(problem_id)
    sizes = {size for shape in shapes for size in shape.values()}
    assert len(shapes) >= 4
    assert 1 in sizes
    assert any(size % 2 == 1 and size > 1 for size in sizes)
    assert any(size & (size - 1) for size in sizes)
    assert any(size >= 8 and not size & (size - 1) for size in sizes)


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_the_bench_shape_is_the_default_and_keeps_a_gpu_busy(problem_id):
    module = module_of(problem_id)
    inputs = module.get_inputs()
    weights = list(module.Model(*module.get_init_inputs()).parameters())
    assert sum(value.numel() * value.element_size() for value in [*inputs, *weights]) >= 3 * 2**20
    assert sum(value.numel() for value in inputs) <= 2**24


def test_one_problem_has_half_precision_inputs_that_are_not_contiguous():
    q, _, _ = module_of("core/causal_attention").get_inputs()
    assert q.dtype == torch.float16
    assert not q.is_contiguous()


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_every_problem_has_a_correct_a_slow_and_a_wrong_solution(problem_id):
    expected = {solution.name: solution.expected for solution in list_solutions(problem_id)}
    assert expected["correct"] is Outcome.OK
    assert expected["slow"] is Outcome.OK
    racing = problem_id == "core/scatter_add"
    assert expected["wrong"] is (Outcome.MEMORY_ERROR if racing else Outcome.INCORRECT)


def test_all_solutions_but_the_broken_demonstrations_define_a_model():
    for solution in list_solutions():
        if solution.expected is Outcome.SYNTAX_ERROR:
            with pytest.raises(SyntaxError):
                ast.parse(solution.source)
            continue
        names = {node.name for node in ast.parse(solution.source).body if isinstance(node, ast.ClassDef)}
        assert ("ModelNew" in names) == (solution.expected is not Outcome.IMPORT_ERROR), solution.name


def test_the_demonstrations_cover_the_outcomes_that_need_no_gpu():
    outcomes = {solution.expected for solution in list_solutions("core/add_relu")}
    assert outcomes >= {
        Outcome.OK, Outcome.INCORRECT, Outcome.HACK, Outcome.SYNTAX_ERROR, Outcome.IMPORT_ERROR, Outcome.UNTRACEABLE,
        Outcome.TRACE_ERROR, Outcome.COMPILE_ERROR, Outcome.MEMORY_ERROR, Outcome.TIMEOUT,
    }  # fmt: skip


def test_solutions_of_an_unknown_problem_are_none():
    assert list_solutions("core/unknown") == []


def test_a_solution_is_its_submission():
    solution = list_solutions("core/softmax")[0]
    assert solution.submission.source == solution.source
