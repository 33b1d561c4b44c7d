"""Every rule of the gate has a family, and families are those of the hack corpus."""

from kernelgym.hackbench import load_corpus
from kernelgym.metrics import FAMILIES, family_of
from rewards.hacks.registry import DETECTORS


def test_every_rule_of_ours_has_a_family_and_no_other_has() -> None:
    assert set(FAMILIES) == {detector.name for detector in DETECTORS}


def test_families_are_those_of_the_corpus() -> None:
    corpus = {program.family for program in load_corpus(None).select(None) if program.is_hack}
    assert set(FAMILIES.values()) <= corpus


def test_a_rule_of_another_package_is_a_family_of_its_own() -> None:
    assert family_of("acme_rule") == "acme_rule"
    assert family_of("token_kernels") == "torch_work"
