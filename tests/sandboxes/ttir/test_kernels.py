"""Whole kernels of every supported Triton version compute what torch computes."""

import pytest
import torch
import triton
import triton.language as tl
from triton.language.extra.cuda import globaltimer

from sandboxes.ttir import ExecutionOptions, UnsupportedOperation, execute
from tests.sandboxes.ttir import compiled
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import VERSIONS, fixture, fixture_names

CASES = [(version, name) for version in VERSIONS for name in fixture_names(version) if name in LAUNCHES]


@pytest.mark.parametrize(("version", "name"), CASES)
def test_a_fixture_kernel_computes_what_torch_computes(version: str, name: str) -> None:
    launch = LAUNCHES[name]()
    execution = execute(fixture(name, version), launch.grid, launch.args)
    assert execution.programs == launch.grid[0] * launch.grid[1] * launch.grid[2]
    for position, expected in launch.expected.items():
        torch.testing.assert_close(launch.args[position], expected, rtol=launch.rtol, atol=launch.atol)


@pytest.mark.parametrize("name", sorted(LAUNCHES))
def test_all_triton_versions_give_the_same_bits(name: str) -> None:
    outputs = []
    for version in VERSIONS:
        if name in fixture_names(version):
            launch = LAUNCHES[name]()
            execute(fixture(name, version), launch.grid, launch.args)
            outputs.append([launch.args[position] for position in launch.expected])
    for other in outputs[1:]:
        for left, right in zip(outputs[0], other, strict=True):
            assert torch.equal(left, right)


@pytest.mark.parametrize("name", sorted(LAUNCHES))
@pytest.mark.parametrize("elements", [1, 100, 3000])
def test_chunks_of_any_size_give_the_same_result(name: str, elements: int) -> None:
    version = next(v for v in reversed(VERSIONS) if name in fixture_names(v))
    whole, chunked = LAUNCHES[name](), LAUNCHES[name]()
    execute(fixture(name, version), whole.grid, whole.args)
    execute(fixture(name, version), chunked.grid, chunked.args, options=ExecutionOptions(chunk_elements=elements))
    for position in whole.expected:
        torch.testing.assert_close(whole.args[position], chunked.args[position], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["matmul", "softmax", "attention", "layernorm"])
def test_counting_does_not_change_results(name: str) -> None:
    plain, counted = LAUNCHES[name](), LAUNCHES[name]()
    execute(fixture(name), plain.grid, plain.args)
    execute(fixture(name), counted.grid, counted.args, options=ExecutionOptions(count=True))
    for position in plain.expected:
        assert torch.equal(plain.args[position], counted.args[position])


def test_sampled_programs_write_only_their_own_output() -> None:
    launch = LAUNCHES["softmax"]()
    execution = execute(fixture("softmax"), launch.grid, launch.args, options=ExecutionOptions(programs=[3, 17]))
    assert execution.programs == 2
    rows = launch.args[1].abs().sum(1).nonzero().flatten()
    assert rows.tolist() == [3, 17]
    torch.testing.assert_close(launch.args[1][rows], launch.expected[1][rows])


def test_inline_assembly_is_unsupported_and_names_its_line() -> None:
    with pytest.raises(
        UnsupportedOperation, match=r"unsupported op tt\.elementwise_inline_asm in kernel '\w+' at line \d+"
    ):
        execute(fixture("inline_asm"), (1, 1, 1), [torch.zeros(32), torch.zeros(32)])


def test_a_kernel_that_reads_the_clock_of_the_gpu_is_unsupported() -> None:
    with pytest.raises(UnsupportedOperation, match=r"tt\.elementwise_inline_asm in kernel 'clock' at line \d+"):
        compiled.run(clock, torch.zeros(1, dtype=torch.int64))


@triton.jit
def clock(out):
    tl.store(out, globaltimer())
