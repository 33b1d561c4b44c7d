"""Policies are found by name, wherever they come from."""

import pickle
from importlib.metadata import EntryPoint

import pytest

from kernelgym.errors import KernelGymError
from policies import PolicyUnavailable, UnknownPolicy, get_policy, list_policies, policy, register_policy
from policies.scripted import DemoPolicy
from tests.policies.episodes import ScriptedPolicy


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_registered", {})


def test_the_demo_is_installed() -> None:
    assert "demo" in list_policies()
    assert isinstance(get_policy("demo"), DemoPolicy)


def test_an_unknown_policy_is_answered_with_the_closest_name() -> None:
    with pytest.raises(UnknownPolicy, match=r"no policy is called `deom`; did you mean `demo`\?"):
        get_policy("deom")
    with pytest.raises(UnknownPolicy, match="there are: demo"):
        get_policy("gpt")


def test_a_registered_policy_is_known_in_this_process() -> None:
    register_policy("mine", ScriptedPolicy)
    register_policy("mine", ScriptedPolicy)  # the same again does no harm
    assert isinstance(get_policy("mine"), ScriptedPolicy)
    assert list_policies() == ("demo", "mine")


def test_a_name_is_not_taken_twice() -> None:
    with pytest.raises(ValueError, match="`demo` exists already"):
        register_policy("demo", ScriptedPolicy)


def test_an_installed_policy_that_can_not_be_loaded_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint(name="broken", value="nowhere_at_all:Policy", group=policy.POLICIES)
    monkeypatch.setattr(policy, "_installed", lambda: {"broken": broken})
    with pytest.raises(PolicyUnavailable, match=r"`broken` \(nowhere_at_all:Policy\) can't be loaded"):
        get_policy("broken")


def test_errors_are_the_kind_that_commands_show_and_survive_pickling() -> None:
    error = UnknownPolicy("deom", ["demo"])
    assert isinstance(error, KernelGymError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own error
