"""Readers of hostile data raise what they document, in bounded time, on data of every kind."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzing.__main__ import RESULTS
from tests.fuzzing.quick import MAX_BYTES, run_seeded
from tests.fuzzing.target import Target, TooSlow, execute
from tests.fuzzing.targets import TARGETS

BY_NAME = {target.name: target for target in TARGETS}
QUICK = {"answers": 60, "ttir": 150, "execution": 25, "completions": 400, "rendering": 30, "messages": 200}
"""Executions in the default lane: about a second of each target."""

each = pytest.mark.parametrize("name", BY_NAME)


@each
def test_hostile_data_gives_documented_errors_only(name: str) -> None:
    run_seeded(BY_NAME[name], seed=1, numbers=range(QUICK[name]))


@each
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_much_hostile_data_gives_documented_errors_only(name: str) -> None:
    run_seeded(BY_NAME[name], seed=2, numbers=range(8 * QUICK[name]))


@each
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_decisions_give_anything_but_documented_errors(name: str) -> None:
    @settings(max_examples=QUICK[name], deadline=None, database=None)
    @given(st.binary(max_size=MAX_BYTES))
    def check(data: bytes) -> None:
        execute(BY_NAME[name], data)

    check()


def test_an_undocumented_error_is_a_finding_that_names_the_data() -> None:
    def broken(made: bytes) -> None:
        raise KeyError(len(made))

    target = Target(name="broken", about="", make=bytes, read=broken, seconds=1.0)
    with pytest.raises(AssertionError, match=r"broken fails on [0-9a-f]+: KeyError"):
        run_seeded(target, seed=1, numbers=range(1))


def test_a_reader_that_takes_too_long_is_a_finding() -> None:
    slow = Target(name="slow", about="", make=bytes, read=lambda made: sum(range(10**6)) and None, seconds=1e-4)
    with pytest.raises(TooSlow, match="slow: 3 characters took"):
        execute(slow, b"abc")


def test_the_campaign_that_is_published_found_nothing_and_executed_every_target() -> None:
    document = json.loads(RESULTS.read_text())
    assert {item["target"] for item in document["targets"]} == set(BY_NAME)
    assert all(item["executions"] > 100 and item["coverage"] > 100 for item in document["targets"])
    assert document["executions"] == sum(item["executions"] for item in document["targets"])
    assert document["findings"] == 0
