"""Evaluators by address: what is meant is opened, and what can't be meant is named with what was probably meant."""

import gymnasium
import pytest

import kernelgym  # noqa: F401 - registers the environment
from kernelgym.errors import BadUsage
from kernelgym.evaluators import LocalEvaluator, open_evaluator
from kernelgym.evaluators.opening import examine
from kernelgym.evaluators.remote import KernelGymClient
from kernelgym.problems import get_problem
from tests.kernelgym.evaluators.remote.served import served
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, incorrect


def test_each_address_opens_its_evaluator() -> None:
    for address, kind in (("local", LocalEvaluator), ("http://localhost:1", KernelGymClient)):
        evaluator = open_evaluator(address)
        assert type(evaluator) is kind
        evaluator.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("locl", "did you mean 'local'"),
        ("localhost:8000", "did you mean 'http://localhost:8000'"),
        ("htp://host", "did you mean 'http://host'"),
        ("http://", "no address; there are local"),
        ("", "no address"),
        ("redis://:secret@", "no address"),
    ],
)
def test_what_is_no_address_is_named_with_what_was_meant(address: str, words: str) -> None:
    with pytest.raises(BadUsage, match=words) as caught:
        open_evaluator(address)
    assert "secret" not in str(caught.value)


def test_an_environment_opens_the_address_it_is_given_and_closes_what_it_opened() -> None:
    with pytest.raises(BadUsage, match="did you mean 'local'"):
        gymnasium.make("KernelGym/Kernel-v0", evaluator="locl")
    environment = gymnasium.make("KernelGym/Kernel-v0", evaluator="http://localhost:1")
    arena = environment.unwrapped._arena  # type: ignore[attr-defined]
    opened = arena.evaluator
    assert isinstance(opened, KernelGymClient)
    environment.close()
    with pytest.raises(BadUsage, match="closed"):
        opened.inspect(get_problem("core/softmax"))


def test_a_server_that_answers_is_told_from_one_that_is_not_ready_and_from_none() -> None:
    engine = ScriptedEngine(incorrect)
    with served(engine) as url:
        assert examine(url) is None
        engine.problem = "no worker serves trace; start one: kernelgym worker"
        assert engine.problem in str(examine(url))
    assert "is `kernelgym serve` running there?" in str(examine(url))
    assert examine("local") is None
