"""Policies are found by name, wherever they come from."""

import pickle
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage, KernelGymError
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
    with pytest.raises(UnknownPolicy, match=r"no policy is called `deom`; did you mean 'demo'\?"):
        get_policy("deom")
    with pytest.raises(UnknownPolicy, match="there are: demo"):
        get_policy("gpt")


def test_a_registered_policy_is_known_in_this_process() -> None:
    register_policy("mine", ScriptedPolicy)
    register_policy("mine", ScriptedPolicy)  # the same again does no harm
    assert isinstance(get_policy("mine"), ScriptedPolicy)
    assert {"demo", "mine"} <= set(list_policies())


def test_a_name_is_not_taken_twice() -> None:
    with pytest.raises(ValueError, match="`demo` exists already"):
        register_policy("demo", ScriptedPolicy)


def test_an_installed_policy_that_can_not_be_loaded_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint(name="broken", value="nowhere_at_all:Policy", group=policy.POLICIES)
    monkeypatch.setattr(policy, "_installed", lambda: {"broken": broken})
    with pytest.raises(PolicyUnavailable, match=r"`broken` \(nowhere_at_all:Policy\) can't be loaded"):
        get_policy("broken")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise RuntimeError('no licence\\nsecond line')", r"can't be loaded \(RuntimeError: no licence\)"),
        ("raise SystemExit(1)", r"can't be loaded \(SystemExit: 1\)"),
        ("class class", r"can't be loaded \(SyntaxError: .*\)"),
        ("def Policy(): raise KeyError('TOKEN')", r"can't be made \(KeyError: 'TOKEN'\)"),
        ("Policy = 5", r"can't be made \(TypeError: 'int' object is not callable\)"),
        ("class Policy: pass", r"can't be made \(AttributeError: .* has no attribute 'name'\)"),
        ("class Policy: name = 5", r"can't be made \(TypeError: its name is a int, not text\)"),
    ],
)
def test_an_installed_policy_that_is_broken_in_any_way_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    (tmp_path / "broken_policy.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_policy", raising=False)
    point = EntryPoint(name="broken", value="broken_policy:Policy", group=policy.POLICIES)
    monkeypatch.setattr(policy, "_installed", lambda: {"broken": point})
    with pytest.raises(PolicyUnavailable, match=rf"^the policy `broken` \(broken_policy:Policy\) {message}; "):
        get_policy("broken")
    sys.modules.pop("broken_policy", None)


def test_what_an_installed_policy_says_itself_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="picky", value="tests.policies.test_policy:picky", group=policy.POLICIES)
    monkeypatch.setattr(policy, "_installed", lambda: {"picky": point})
    with pytest.raises(BadUsage, match=r"^set MY_TOKEN$"):
        get_policy("picky")


def picky() -> None:
    raise BadUsage("set MY_TOKEN")


def test_errors_are_the_kind_that_commands_show_and_survive_pickling() -> None:
    error = UnknownPolicy("deom", ["demo"])
    assert isinstance(error, KernelGymError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own error
