"""Rewards are found by name: ours, this process's, and those of packages; none of them breaks what all promise."""

import pickle
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint

import pytest

from rewards import (
    DEFAULT_REWARD,
    EXCLUDED,
    InvalidReward,
    NamedReward,
    Reward,
    RewardBroken,
    RewardFunction,
    Term,
    UnknownReward,
    compose,
    drkernel_guarded,
    drkernel_paper,
    get_reward,
    list_rewards,
    register_reward,
    registry,
    reward_identity,
)
from rewards.shipped import SHIPPED
from rewards.terms import Improvement, Speedup
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report


def turns(report: Report, history: Sequence[Report] = ()) -> Reward:
    """Pays the number of earlier turns.

    Whatever became of them.
    """
    return Reward((Term("turns", float(len(history)), "earlier turns"),))


def raising(report: Report, history: Sequence[Report] = ()) -> Reward:
    raise KeyError("no such thing")


def excluding(report: Report, history: Sequence[Report] = ()) -> Reward:
    return EXCLUDED


def number(report: Report, history: Sequence[Report] = ()) -> float:
    return 1.0


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_rewards", dict(registry._rewards))
    registry._load.cache_clear()
    yield
    registry._load.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Pretends that packages with these entry points are installed; `name_2` is another one for `name`."""
    entries = [
        EntryPoint(name=name.removesuffix("_2"), value=value, group=registry.GROUP) for name, value in values.items()
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == registry.GROUP else [])


def test_the_default_is_the_guarded_reward() -> None:
    assert get_reward() is get_reward(DEFAULT_REWARD) is drkernel_guarded
    assert DEFAULT_REWARD in list_rewards()


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownReward, match="`drkernel_papr`; did you mean `drkernel_paper`"):
        get_reward("drkernel_papr")


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(LookupError, match=r"there are: .*drkernel_paper"):
        get_reward("zzz")


def test_a_name_can_be_taken_only_once() -> None:
    def other(report: Report, history: Sequence[Report] = ()) -> Reward:
        return EXCLUDED

    register_reward("drkernel_paper", drkernel_paper)  # the same function again changes nothing
    with pytest.raises(ValueError, match=f"`{DEFAULT_REWARD}` exists already"):
        register_reward(DEFAULT_REWARD, other)
    assert get_reward() is drkernel_guarded


def test_the_error_survives_a_process_boundary() -> None:
    error = UnknownReward("no reward is called `x`")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - made one line above


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_term_that_is_not_a_finite_number_cannot_be_built(value: float) -> None:
    with pytest.raises(ValueError, match="`speedup` is"):
        Term("speedup", value, "")


def test_a_registered_function_keeps_the_promise_about_lost_evaluations() -> None:
    reward = register_reward("turns", turns)
    assert get_reward("turns") is reward
    assert reward(ok_report(), [ok_report()] * 3).value == 3
    assert reward(failed_report(Outcome.INFRASTRUCTURE), [ok_report()] * 3) == EXCLUDED
    assert (reward.summary, reward.identity) == ("Pays the number of earlier turns.", "turns")
    assert "turns" in list_rewards()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raising, r"`mine` fails \(KeyError: 'no such thing'\); repair it"),
        (excluding, "`mine` fails .*no value for the outcome ok; only infrastructure has none"),
        (number, "`mine` fails .*returns a float, not a Reward"),
    ],
)
def test_a_function_that_fails_is_named(function: RewardFunction, message: str) -> None:
    reward = register_reward("mine", function)
    with pytest.raises(RewardBroken, match=message):
        reward(ok_report())
    assert reward(failed_report(Outcome.INFRASTRUCTURE)) == EXCLUDED


def test_a_name_that_would_be_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="would be taken for a file"):
        register_reward("mine.yaml", turns)


def test_a_package_offers_rewards_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, acme=f"{__name__}:turns", copied="rewards:kevin")
    assert {"acme", "copied"} < set(list_rewards())
    assert get_reward("acme")(ok_report(), [ok_report()]).value == 1
    assert get_reward("acme")(failed_report(Outcome.INFRASTRUCTURE)) == EXCLUDED
    assert reward_identity("acme") == "acme"
    assert get_reward("copied")(ok_report()).value == get_reward("kevin")(ok_report()).value
    assert get_reward("copied").name == "copied"


def test_a_sum_that_was_edited_in_python_or_in_a_package_is_another_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, again = (compose("mine", "Pays.", Speedup(cap=cap)) for cap in (2.0, 3.0, 2.0))
    identities = [
        register_reward(f"mine{number}", found).identity for number, found in enumerate((first, second, again))
    ]
    one, other, same = (identity.partition("@")[2] for identity in identities)
    assert one == same != other
    assert register_reward("bare", first.function).identity == f"bare@{one}"

    install(monkeypatch, acme="rewards:kevin")
    before = reward_identity("acme")
    registry._load.cache_clear()
    install(monkeypatch, acme="rewards:fast_p")
    assert before.startswith("acme@")
    assert reward_identity("acme") != before


def test_a_reward_says_whether_it_pays_for_beating_earlier_turns() -> None:
    def gain(report: Report, history: Sequence[Report] = ()) -> Reward:
        return Reward((Term("gain", 0.0, ""),))

    gain.relative = True  # type: ignore[attr-defined]
    assert register_reward("gain", gain).relative
    assert [reward.name for reward in SHIPPED if reward.relative] == ["improvement"]
    assert compose("both", "", Speedup(), Improvement()).relative
    assert not register_reward("turns", turns).relative


def test_a_new_name_keeps_the_digest() -> None:
    named = NamedReward("old", "Pays.", turns, "0123abcd")
    assert register_reward("new", named).identity == "new@0123abcd"
    assert register_reward("newer", register_reward("mine", compose("c", "", Speedup()))).identity == get_reward(
        "mine"
    ).identity.replace("mine", "newer")


def test_no_package_replaces_a_reward_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, drkernel_guarded=f"{__name__}:turns")
    assert get_reward() is drkernel_guarded


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"acme": "no_such_module:reward"}, "`acme` of an unknown package can't be loaded .*No module named"),
        ({"acme": f"{__name__}:__name__"}, "is a str, not a function of a report"),
        ({"acme": f"{__name__}:turns", "acme_2": f"{__name__}:number"}, "is offered by an unknown package and an"),
    ],
)
def test_a_package_that_cannot_be_used_is_named_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], message: str
) -> None:
    install(monkeypatch, **values)
    with pytest.raises(RewardBroken, match=message):
        get_reward("acme")
    assert get_reward("kevin")(ok_report()).value is not None
    assert "acme" in list_rewards()


@pytest.mark.parametrize("kind", [InvalidReward, RewardBroken])
def test_every_error_survives_a_process_boundary(kind: type[Exception]) -> None:
    error = kind("the reward `x` fails")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - made one line above
