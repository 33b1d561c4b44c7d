"""The staged evaluator: what one process traced another one replays, and nothing on the way changes a verdict."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage, Stopped
from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.messages import Finished, Handover, Job, Refusal, Refused
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from sandboxes.bundle import MAX_BUNDLE_BYTES, job_digest, pack, unpack
from sandboxes.contracts import Depth, EvalConfig, Outcome, Stage, Submission
from sandboxes.seeds import MAX_USES

ADD_RELU = get_problem("core/add_relu")
CORRECT = Submission(source=next(item.source for item in list_solutions("core/add_relu") if item.name == "correct"))
JOB = Job(submission=CORRECT, reference=ADD_RELU.reference, config=EvalConfig(seed=7))


@pytest.fixture
def staged(evaluator: LocalEvaluator) -> Iterator[StagedEvaluator]:
    """A staged evaluator, whose worker process is one that runs already."""
    staged = StagedEvaluator()
    own, staged._worker = staged._worker, evaluator._workers[0]
    yield staged
    own.close()


def traced(staged: StagedEvaluator, job: Job = JOB) -> Handover:
    found = staged.trace(job)
    assert isinstance(found, Handover)
    return found


def test_both_halves_apart_say_what_both_at_once_say(staged: StagedEvaluator) -> None:
    halves, whole = staged.replay(JOB, traced(staged)), staged.evaluate(JOB)
    assert isinstance(halves, Finished)
    assert isinstance(whole, Finished)
    assert halves.report.outcome is Outcome.OK
    untimed = {"timings_s": {}}
    assert halves.report.model_copy(update=untimed) == whole.report.model_copy(update=untimed)
    assert halves.report.timings_s.keys() == whole.report.timings_s.keys()


def test_a_candidate_that_fails_early_or_is_only_priced_ends_with_the_first_half(staged: StagedEvaluator) -> None:
    broken = JOB.model_copy(update={"submission": Submission(source="class ModelNew: pass")})
    priced = JOB.model_copy(update={"config": EvalConfig(depth=Depth.PRICED)})
    answers = [staged.trace(broken), staged.trace(priced)]
    outcomes = [answer.report.outcome for answer in answers if isinstance(answer, Finished)]
    assert outcomes == [Outcome.IMPORT_ERROR, Outcome.UNJUDGED]


@pytest.mark.slow
def test_what_a_gpu_would_replay_is_traced_and_compiled_without_one(
    staged: StagedEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    staged._worker.kill()  # the next one sees none
    job = JOB.model_copy(update={"config": EvalConfig(device="cuda")})
    handover = traced(staged, job)
    assert handover.timings_s.keys() == {Stage.TRACE, Stage.VERIFY, Stage.COMPILE, Stage.REPLAY}  # checked on the CPU
    answer = staged.replay(job, handover)
    assert isinstance(answer, Refused)
    assert answer.why is Refusal.INFRASTRUCTURE  # who measures what others have traced should have one


def changed(bundle: bytes, answer: Callable[[bytes], bytes]) -> Handover:
    """A sound bundle with another answer in it: as if the candidate had sent that."""
    header, sent = unpack(bundle, job_digest(JOB.submission, JOB.reference, JOB.config))
    return Handover(bundle=pack(header, answer(sent)), timings_s={})


def test_a_bundle_that_suffered_on_the_way_says_nothing_about_the_candidate(staged: StagedEvaluator) -> None:
    sound = traced(staged).bundle
    other = JOB.model_copy(update={"submission": Submission(source="class ModelNew: pass")})
    bundles = {"truncated": sound[:-1], "foreign": sound, "giant": sound + bytes(MAX_BUNDLE_BYTES), "empty": b""}
    for name, bundle in bundles.items():
        answer = staged.replay(other if name == "foreign" else JOB, Handover(bundle=bundle, timings_s={}))
        assert isinstance(answer, Refused), name
        assert answer.why is Refusal.INFRASTRUCTURE, name
        assert "bundle" in answer.message


def test_a_malformed_trace_in_a_sound_bundle_is_the_candidates(staged: StagedEvaluator) -> None:
    for answer in (lambda sent: sent[:-9], lambda sent: b"", lambda sent: sent.replace(b'"nodes":[', b'"nodes":[7,')):
        verdict = staged.replay(JOB, changed(traced(staged).bundle, answer))
        assert isinstance(verdict, Finished)
        assert verdict.report.outcome is Outcome.TRACE_ERROR


@pytest.mark.slow
def test_stopping_ends_the_call_under_way_and_no_other(staged: StagedEvaluator) -> None:
    staged.stop()
    began = threading.Event()
    watched = StagedEvaluator(sandbox="process", on_stage=lambda stage: began.set())
    stopper = threading.Thread(target=lambda: (began.wait(60), watched.stop()))
    with watched:
        stopper.start()
        with pytest.raises(Stopped):
            watched.evaluate(JOB)
        stopper.join()
        assert watched._worker._process is None or watched._worker._process.wait(5) is not None
    assert isinstance(staged.trace(JOB), Handover)


def test_a_closed_one_is_not_used_any_more() -> None:
    staged = StagedEvaluator()
    staged.close()
    with pytest.raises(BadUsage, match="closed"):
        staged.trace(JOB)


@pytest.mark.slow
def test_a_worker_that_starts_anew_finds_the_truths_of_the_one_before(tmp_path: Path) -> None:
    secret = JOB.model_copy(update={"config": EvalConfig()})
    for _ in range(2):
        with StagedEvaluator(truths=tmp_path) as staged:
            answer = staged.evaluate(secret)
            assert isinstance(answer, Finished)
            assert answer.report.outcome is Outcome.OK
    (truth,) = tmp_path.rglob("truth-*")
    (seed,) = (path for path in tmp_path.rglob("seeds/*") if not path.name.startswith("."))
    assert int(seed.read_text().split()[1]) == MAX_USES - 2
    assert not truth.stat().st_mode & 0o077


@pytest.mark.slow
def test_nothing_is_kept_where_a_candidate_could_see_it() -> None:
    visible = Path(sys.prefix, f"truths-{os.getpid()}")
    with StagedEvaluator(sandbox="process", truths=visible) as staged:
        answer = staged.evaluate(JOB.model_copy(update={"config": EvalConfig()}))
    assert isinstance(answer, Finished)
    assert answer.report.outcome is Outcome.OK
    assert not visible.exists()
