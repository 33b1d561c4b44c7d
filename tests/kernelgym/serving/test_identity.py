"""What is the same question to the same judge, and what is another one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import kernelgym
from kernelgym.evaluators.messages import Inquiry, Inspection, Job
from kernelgym.serving.identity import fingerprint, job_id, judge_versions
from sandboxes.contracts import EvalConfig, Reference, Submission
from sandboxes.hardware.targets import digest_of, get_target
from sandboxes.journal import versions

REFERENCE = Reference(id="core/softmax", source="y")


def job(source: str = "x", reference: Reference = REFERENCE, **config: object) -> Job:
    return Job(submission=Submission(source=source), reference=reference, config=EvalConfig.model_validate(config))


def test_whatever_a_verdict_depends_on_makes_another_job_of_it() -> None:
    tasks = [
        job(),
        job("z"),
        job(reference=Reference(id="core/other", source="y")),
        job(reference=Reference(id="core/softmax", source="z")),
        job(reference=Reference(id="core/softmax", source="y", check_constants=({"N": 8},))),
        job(device="cuda"),
        job(target="a100"),
        job(depth="priced"),
        job(repeat=1),
        job(seed=1),
        Inquiry(reference=REFERENCE),
        Inspection(reference=REFERENCE),
    ]
    assert len({job_id(task) for task in tasks}) == len(tasks)
    assert job_id(job()) == job_id(job())


def test_the_constants_of_checks_are_not_taken_for_the_end_of_a_source() -> None:
    constants = ({"N": 8},)
    chosen = Reference(id="core/softmax", source="y\n", check_constants=constants)
    forged = Reference(id="core/softmax", source="y\n" + repr([sorted(item.items()) for item in constants]))
    assert job_id(job(reference=chosen)) != job_id(job(reference=forged))


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing of what versions there are is remembered, before and after."""
    yield
    judge_versions.cache_clear()
    fingerprint.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_machines_with_different_wheels_of_the_same_versions_are_one_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for torch in ("2.13.0+cpu", "2.13.0+cu130", "2.12.0+cpu"):
        versions_here = {"kernelgym": "0.1", "torch": torch, "triton": "3.5"}
        monkeypatch.setattr("kernelgym.serving.identity.version", versions_here.__getitem__)
        judge_versions.cache_clear()
        fingerprint.cache_clear()
        names.append(fingerprint())
    assert names[0] == names[1] != names[2]


@pytest.mark.usefixtures("fresh")
def test_what_says_whose_fault_a_lost_worker_is_takes_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = fingerprint()
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "attempts.py").write_text("MAX_INNOCENT = 0")
    monkeypatch.setattr(kernelgym, "__file__", str(tmp_path / "__init__.py"))
    judge_versions.cache_clear()
    fingerprint.cache_clear()
    assert fingerprint() != before


def test_every_version_that_a_report_names_takes_part() -> None:
    assert versions().keys() <= judge_versions().keys()
    assert versions()["python"].startswith(judge_versions()["python"] + ".")
    assert len(fingerprint()) == 8


def test_what_a_target_is_takes_part_not_only_its_name() -> None:
    known = job("x")
    assert known.target_digest == digest_of(get_target("h200"))
    assert job_id(known.model_copy(update={"target_digest": "0" * 16})) != job_id(known)


def test_a_job_carries_what_its_maker_knew_the_target_to_be() -> None:
    known = job("x")
    assert Job.model_validate_json(known.model_dump_json()) == known
    strange = known.model_copy(update={"target_digest": "0" * 16})
    assert Job.model_validate_json(strange.model_dump_json()) == strange
    unknown = Job(submission=known.submission, reference=known.reference, config=EvalConfig(target="nosuchgpu"))
    assert Job.model_validate_json(unknown.model_dump_json()).target_digest == ""
