"""What a profiler is shown: one run of a traced candidate, rehearsed on a simulated GPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxes.bundle import Bundle, job_digest, pack
from sandboxes.contracts import EvalConfig, Precision, Reference, Submission
from sandboxes.devices.cuda.sections.folder import Assignment, Folder, Told
from sandboxes.devices.cuda.sections.replaying import PROTON_RUNS, Scope, Windows, replay_in
from sandboxes.devices.cuda.sections.section import Tool
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.errors import BrokenBundle
from sandboxes.evaluation import Evaluation
from sandboxes.hardware.targets import get_target
from sandboxes.journal import Journal, versions
from sandboxes.reference import LiveReference
from sandboxes.tracing.service import run_tracer
from tests.sandboxes.devices.cuda.programs import REFERENCE
from tests.tracer import Tracer, candidate

CONFIG = EvalConfig(device="cuda", precision=Precision.FP32)
SOURCE = candidate(
    """
    class ModelNew(nn.Module):
        def forward(self, x):
            return scale(scale(x, 0.5) * 2.0, 2.0).view(-1)
    """
)


class Watcher(Windows):
    """Writes down what happens while a tool looks.

    Args:
        folder: The assignment's.
        monkeypatch: Watches launches.
    """

    def __init__(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.seen: list[str] = []
        self.before = 0
        self._looks = False
        launch = SimulatedGpu.launch

        def watched(gpu: SimulatedGpu, kernel: object, grid: tuple[int, int, int], args: object) -> None:
            if self._looks:
                self.seen.append("launch")
            else:
                self.before += 1
            launch(gpu, kernel, grid, args)  # type: ignore[arg-type]

        monkeypatch.setattr(SimulatedGpu, "launch", watched)

    @contextmanager
    def ncu(self) -> Iterator[None]:
        self._looks = True
        yield
        self._looks = False

    @contextmanager
    def proton(self) -> Iterator[Scope]:
        @contextmanager
        def scope(node: int) -> Iterator[None]:
            self.seen.append(f"node {node}")
            yield

        self._looks = True
        yield scope
        self._looks = False


@pytest.fixture(scope="module")
def bundle(tracer: Tracer) -> bytes:
    """A candidate with two launches and a product between them, as its tracer sends it."""
    submission, reference = Submission(source=SOURCE), Reference(id="test", source=REFERENCE)
    journal = Journal(submission, reference, CONFIG, lambda stage: None)
    target = get_target(CONFIG.target)
    evaluation = Evaluation.of(submission, LiveReference(reference), CONFIG, target, journal)
    answer = run_tracer(submission, evaluation.cases, CONFIG, target, tracer.sandbox, evaluation.weight_bytes)
    assert answer.payload is not None
    header = Bundle(job=job_digest(submission, reference, CONFIG), versions=versions(), sandbox="", timings_s={})
    return pack(header, answer.payload)


def prepared(path: Path, bundle: bytes, tool: Tool = Tool.NCU, gpu: str = "simulated") -> Folder:
    """A folder that says what to run."""
    submission, reference = Submission(source=SOURCE), Reference(id="test", source=REFERENCE)
    assignment = Assignment(submission=submission, reference=reference, config=CONFIG, gpu=gpu, tool=tool)
    return Folder.of(path, assignment, bundle)


def told(folder: Folder) -> Told:
    found = folder.told()
    assert found is not None
    return found


@pytest.mark.slow
def test_the_tool_sees_one_run_and_its_order_is_written_down(
    tmp_path: Path, bundle: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(tmp_path, bundle)
    watcher = Watcher(folder, monkeypatch)
    replay_in(folder, watcher)
    found = told(folder)
    assert found.failure is None
    assert [step.kernel for step in found.steps] == ["scale_kernel", None, "scale_kernel"]
    assert sorted(step.node for step in found.steps) == [step.node for step in found.steps]
    assert watcher.seen == ["launch", "launch"]
    assert watcher.before >= 2, "it was warm"
    assert found.device == "NVIDIA H200 (simulated)"


@pytest.mark.slow
def test_proton_is_told_which_node_is_under_way(tmp_path: Path, bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared(tmp_path, bundle, Tool.PROTON)
    watcher = Watcher(folder, monkeypatch)
    replay_in(folder, watcher)
    launched = [step.node for step in told(folder).steps if step.kernel]
    before = [watcher.seen[number - 1] for number, what in enumerate(watcher.seen) if what == "launch"]
    assert before == [f"node {node}" for node in launched] * PROTON_RUNS


def test_without_a_gpu_the_folder_says_so(tmp_path: Path, bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    folder = prepared(tmp_path, bundle, gpu="auto")
    replay_in(folder)
    assert told(folder).steps == ()
    assert told(folder).failure


def test_a_bundle_of_something_else_is_refused(tmp_path: Path, bundle: bytes) -> None:
    folder = prepared(tmp_path, bundle[:-1] + b"?")
    replay_in(folder)
    assert "damaged" in (told(folder).failure or "")


def test_a_folder_with_nothing_in_it_is_nobodys_assignment(tmp_path: Path) -> None:
    with pytest.raises(BrokenBundle, match="holds no run"):
        replay_in(Folder(tmp_path))
    assert Folder(tmp_path).told() is None
