"""Rewards as files: what they say is what is paid; what they can't say is refused by name, whoever wrote them."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rewards import Composition, InvalidReward, NamedReward, get_reward, reward_identity
from rewards.shipped import SHIPPED
from rewards.specification import MAX_BYTES
from sandboxes.contracts import Outcome
from tests.reports import failed_report
from tests.rewards.timed import timed

Write = Callable[..., str]
"""Writes a file of some text, and returns its path."""

MINE = """
name: mine
description: Correct, and half of the speedup up to 2.
terms:
  - term: correctness
  - {term: speedup, weight: 0.5, cap: 2}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(text: str | bytes, name: str = "reward.yaml") -> str:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return to


def test_a_file_is_the_sum_of_its_terms(write: Write) -> None:
    reward = get_reward(write(MINE))
    assert (reward.name, reward.summary) == ("mine", "Correct, and half of the speedup up to 2.")
    assert reward(timed(1.5)).value == pytest.approx(1.75)
    assert reward(timed(9.0)).value == pytest.approx(2.0)
    assert reward(failed_report(Outcome.INCORRECT)).value == 0
    assert reward(failed_report(Outcome.INFRASTRUCTURE)).value is None
    assert [term.name for term in reward(timed(1.5)).breakdown] == ["correctness", "speedup"]


def test_the_identity_tells_other_terms_and_no_other_spelling(write: Write) -> None:
    identity = reward_identity(write(MINE))
    assert identity.startswith("mine@")
    spelled = (
        "{terms: [{term: correctness, weight: 1.0}, {cap: 2.0, floor: 0, weight: 5.0e-1, term: speedup}], name: mine}"
    )
    assert reward_identity(write(spelled)) == identity
    assert reward_identity(write(MINE.replace("cap: 2", "cap: 2.5"))) != identity
    assert reward_identity(write(MINE.replace("weight: 0.5", "weight: 0.25"))) != identity
    assert reward_identity(write(MINE.replace("name: mine", ""), "other.yml")).startswith("other@")
    assert reward_identity("drkernel_guarded") == "drkernel_guarded"


def composed(reward: NamedReward) -> Composition:
    assert isinstance(reward.function, Composition)
    return reward.function


@pytest.mark.parametrize("reward", SHIPPED, ids=lambda reward: reward.name)
def test_every_shipped_reward_can_be_written_as_a_file(write: Write, reward: NamedReward) -> None:
    same = get_reward(write(json.dumps({"terms": composed(reward).spec})))  # JSON is YAML
    assert same.digest == composed(reward).digest
    for report in (timed(0.4, coverage=0.3), timed(9.0), failed_report(Outcome.INCORRECT)):
        assert same(report) == reward(report)


def test_shipped_rewards_differ_in_their_digests() -> None:
    digests = [composed(reward).digest for reward in SHIPPED]
    assert len(set(digests)) == len(SHIPPED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("terms: []", "terms is .*at least 1"),
        ("name: x", "terms is missing"),
        ("", "yaml is empty; write `terms:`"),
        ("- term: correctness", "yaml holds a list; write `terms:`"),
        ("terms: [correctness]", r"terms\[0\] is 'correctness'"),
        ("terms: [{weight: 1}]", r"terms\[0\].term is missing"),
        ("terms: [{term: speedupp}]", r"terms\[0\].term is 'speedupp'; did you mean `speedup`"),
        ("terms: [{term: zzz}]", r"terms\[0\].term is 'zzz'; there are: correctness, coverage"),
        ("terms: [{term: speedup, capp: 2}]", r"'terms\[0\].capp' of the term `speedup`; did you mean `cap`"),
        ("terms: [{term: coverage, cap: 2}]", r"no key .* of the term `coverage`; it takes no parameters"),
        ("terms: [{term: speedup, cap: -2}]", r"terms\[0\].cap is -2: .*greater than 0"),
        ("terms: [{term: speedup, cap: yes}]", r"terms\[0\].cap is True: a number is needed"),
        ("terms: [{term: speedup, weight: .inf}]", r"terms\[0\].weight is inf: .*finite"),
        ("terms: [{term: speedup, weight: heavy}]", r"terms\[0\].weight is 'heavy': .*number"),
        ("terms: [{term: failure, hack: 1}]", r"terms\[0\] is .*hack is 1, more than no_code"),
        ("terms: [{term: failure, infrastructure: 1}]", "no key"),
        ("terms: [{term: speedup}, {term: speedup}]", "two terms are called `speedup`; give one of them a `label`"),
        ("term: [{term: speedup}]", "no key 'term'; did you mean `terms`|terms is missing"),
        ("name: 'no\\nname'\nterms: [{term: speedup}]", "name is "),
        ('description: "\\e[31mred"\nterms: [{term: speedup}]', "description is"),
        ("terms: [{1: speedup}]", r"terms\[0\]"),
        ("terms: [{term: speedup, wieght: 2}]", "did you mean `weight`"),
        ("name: a\nname: b\nterms: [{term: speedup}]", "the key 'name' twice"),
        ("terms: [{term: speedup, cap: 1, cap: 2}]", "the key 'cap' twice"),
        ("terms: {", "no plain YAML"),
        (b"\xff\xfe\xfa", "no plain YAML"),
        (b"terms: \x00", "no plain YAML"),
    ],
)  # fmt: skip
def test_what_can_be_no_reward_is_refused_by_key_value_and_remedy(
    write: Write, text: str | bytes, message: str
) -> None:
    path = write(text)
    with pytest.raises(InvalidReward, match=message) as caught:
        get_reward(path)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700 + len(path)


LAUGHS = "a: &a [lol, lol]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "line 2 has an alias; write the value out"),
        ("&x terms: [*x]", "alias"),
        ("terms: &t [{term: speedup, steps: *t}]", "alias"),
        ("terms: !!python/object/apply:os.system ['echo hacked']", "could not determine a constructor"),
        ("terms: !!python/name:os.system ''", "could not determine a constructor"),
        ("terms: [{<<: {term: speedup}}]", "no plain YAML"),
        ("? [a]\n: b", "no plain YAML"),
        ("terms: " + "[" * 7000, "nested more than 8 levels deep"),
        ("- " * 7000, "nested more than 8 levels deep"),
        ("? " * 7000, "nested more than 8 levels deep"),
        ("terms: [{term: speedup, cap: " + "9" * 6000 + "}]", "no plain YAML"),
        ("terms: 2026-13-45", "no plain YAML"),
        ("terms: [{term: speedup, cap: !!binary aGk=}]", "cap is b'hi'"),
        ("terms: [" + "{term: speedup}," * 40 + "]", "at most 32"),
        ("name: " + "x" * 65 + "\nterms: [{term: speedup}]", "name is"),
        ("#" * (MAX_BYTES + 1), "larger than 16,384 bytes"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_at_once(write: Write, text: str, message: str) -> None:
    begin = time.process_time()
    with pytest.raises(InvalidReward, match=message):
        get_reward(write(text))
    assert time.process_time() - begin < 1


def test_a_files_name_that_could_be_no_rewards_is_not_taken_for_one(write: Write) -> None:
    with pytest.raises(InvalidReward, match=r"name is 'my\\x1breward': .*pattern"):
        get_reward(write("terms: [{term: speedup}]", "my\x1breward.yaml"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("missing.yaml", "pipe.yaml", "nul\0.yaml"):
        with pytest.raises(InvalidReward, match="not there, or no regular file"):
            get_reward(str(tmp_path / name))
