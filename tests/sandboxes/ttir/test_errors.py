"""Errors of kernels say kernel, program and line, and survive the way between processes."""

import pickle

import pytest

from sandboxes.ttir import (
    DeviceAssertion,
    EndlessLoop,
    ExecutionOptions,
    ExecutionTimeout,
    InvalidAddress,
    MadeUpPointer,
    MemoryFault,
    MisalignedDescriptor,
    Race,
    TooMuchMemory,
    UnsupportedOperation,
    UnwrittenMemory,
    Where,
    execute,
    parse,
)
from sandboxes.ttir.errors import KernelError
from sandboxes.ttir.ir import Frame, Location

LOCATION = Location((Frame("kernel.py", 7, 3),))
WHERE = Where("double", (1, 2, 0), 5, LOCATION, (2, 3, 1))

ERRORS = [
    UnsupportedOperation("tt.strange", WHERE),
    TooMuchMemory(2**21, 2**20, WHERE),
    MadeUpPointer("p", WHERE),
    MemoryFault(WHERE, "out-of-bounds load", "x", 9, 8),
    UnwrittenMemory(WHERE, "load", "x", 9, 8, 3),
    Race(WHERE, "race of two stores", "x", 3, 8, "stores", (0, 0, 0), "stores", (7, 8)),
    MisalignedDescriptor(WHERE, "a stride of 3 bytes", "x"),
    InvalidAddress(WHERE, "misaligned load", 4, "x", 6, 32),
    InvalidAddress(WHERE, "invalid load", 4, distance=12),
    DeviceAssertion(WHERE, '"positive"'),
    ExecutionTimeout("3 s", WHERE, in_loop=True),
    EndlessLoop(WHERE, waits=True),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_names_its_kernel_and_line_and_can_be_sent(error: KernelError) -> None:
    assert "kernel 'double'" in str(error)
    assert "line 7" in str(error) or isinstance(error, TooMuchMemory)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.where == WHERE
    assert copy.args == error.args


@pytest.mark.parametrize("error", [UnsupportedOperation("tt.strange", LOCATION), ExecutionTimeout("3 s", LOCATION)])
def test_the_kernel_is_filled_in_where_only_the_line_was_known(error: KernelError) -> None:
    error.within("double")
    error.within("another")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    for each in (error, copy):
        assert "kernel 'double'" in str(each)
        assert each.kernel == "double"


def test_a_failed_launch_knows_its_kernel_whatever_failed() -> None:
    for body, options in (
        ('"tt.strange"() : () -> ()', ExecutionOptions()),
        ("%x = arith.constant 1 : i32", ExecutionOptions(max_operations=0)),
        ("%x = arith.constant 1 : i32", ExecutionOptions(memory_bytes=0)),
    ):
        module = parse("module { tt.func public @mine() {\n" + body + "\ntt.return\n} }")
        with pytest.raises(KernelError, match="kernel 'mine'"):
            execute(module, (1, 1, 1), [], options=options)


@pytest.mark.parametrize(
    ("program", "grid", "last"),
    [
        ((0, 0, 0), (1, 1, 1), True),
        ((3, 0, 0), (4, 1, 1), True),
        ((2, 0, 0), (4, 1, 1), False),
        ((1, 4, 0), (4, 5, 1), True),
        ((1, 3, 0), (4, 5, 1), False),
    ],
)
def test_a_program_is_last_if_it_is_so_along_an_axis_with_several(
    program: tuple[int, int, int], grid: tuple[int, int, int], last: bool
) -> None:
    assert Where("k", program, grid=grid).last is last
