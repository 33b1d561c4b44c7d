"""What is kept on a shelf is found again, or computed again; it is never wrong and never in the way."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from sandboxes import seeds, truth_cache
from sandboxes.contracts import EvalConfig, Reference
from sandboxes.judge import bench_trial
from sandboxes.kept_truth import truth_from_bytes, truth_to_bytes
from sandboxes.nested import same
from sandboxes.reference import LiveReference
from sandboxes.seeds import FEW_NUMBERS, MAX_USES, SharedSeeds
from sandboxes.shelf import Kind, Shelf
from sandboxes.truth import Trial, Truth, compute_truth
from sandboxes.truth_cache import TruthCache

REFERENCE = LiveReference(
    Reference(
        id="test/pair",
        source=(
            "import torch\nclass Model(torch.nn.Module):\n"
            "    def forward(self, x):\n        x.add_(1)\n        return [x.half() * 2, (x > 0, 3)]\n"
            "def get_init_inputs():\n    return []\n"
            "def get_inputs():\n    return [torch.randn(50, 7)]\n"
        ),
    )
)
TRIAL = bench_trial(REFERENCE.cases[-1], EvalConfig(), seed=1)
MANY = FEW_NUMBERS + 1


def alike(one: Truth, other: Truth) -> bool:
    def facts(truth: Truth) -> list[object]:
        outputs = [(item.label, item.dtype, item.tolerance, item.mean_tolerance) for item in truth.outputs]
        return [outputs, truth.structure, truth.changed_inputs, truth.overlaps]

    pairs = zip(one.outputs, other.outputs, strict=True)
    return (
        facts(one) == facts(other)
        and same(one.inputs, other.inputs)
        and all(torch.equal(mine.value, theirs.value) for mine, theirs in pairs)
    )


def test_a_truth_survives_as_bytes() -> None:
    truth = TruthCache().get(REFERENCE, TRIAL)
    raw = truth_to_bytes(truth)
    assert raw is not None
    again = truth_from_bytes(raw, REFERENCE, TRIAL)
    assert again is not None
    assert alike(truth, again)


def test_another_worker_finds_a_truth_and_computes_a_damaged_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = TruthCache(shelf=Shelf(tmp_path)).get(REFERENCE, TRIAL)
    computed: list[Trial] = []

    def compute(reference: LiveReference, trial: Trial) -> Truth:
        computed.append(trial)
        return compute_truth(reference, trial)

    monkeypatch.setattr(truth_cache, "compute_truth", compute)
    assert alike(TruthCache(shelf=Shelf(tmp_path)).get(REFERENCE, TRIAL), truth)
    assert not computed
    (file,) = tmp_path.iterdir()
    raw = bytearray(file.read_bytes())
    for damaged in (raw[:-1], raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:], b""):
        file.write_bytes(damaged)
        assert alike(TruthCache(shelf=Shelf(tmp_path)).get(REFERENCE, TRIAL), truth)
    assert len(computed) == 3
    assert alike(TruthCache(shelf=Shelf(tmp_path)).get(REFERENCE, TRIAL), truth)
    assert len(computed) == 3


def test_a_shelf_has_a_size_and_what_was_looked_at_stays(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, max_bytes=1000)
    for number in range(3):
        shelf.put(Kind.TRUTH, str(number), bytes(200))
        os.utime(shelf._path(Kind.TRUTH, str(number)), (number, number))
    assert shelf.get(Kind.TRUTH, "0") == bytes(200)
    for number in range(3, 6):
        shelf.put(Kind.TRUTH, str(number), bytes(200))
    kept = [number for number in range(6) if shelf.get(Kind.TRUTH, str(number)) is not None]
    assert kept == [0, 3, 4, 5]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000
    shelf.put(Kind.TRUTH, "large", bytes(900))
    assert shelf.get(Kind.TRUTH, "large") is None


def test_kinds_do_not_meet_and_what_is_dropped_is_gone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(Kind.TIMING, "a", b"1")
    assert shelf.get(Kind.TRUTH, "a") is None
    shelf.drop(Kind.TIMING, "a")
    shelf.drop(Kind.TIMING, "a")
    assert shelf.get(Kind.TIMING, "a") is None


def test_a_shelf_that_can_not_be_written_is_no_error() -> None:
    shelf = Shelf(Path("/proc/nowhere"))
    shelf.put(Kind.TRUTH, "a", b"1")
    assert shelf.get(Kind.TRUTH, "a") is None
    assert SharedSeeds(Path("/proc/nowhere")).bench("a", MANY) == pytest.approx(0, abs=2**48)


def test_nobody_else_may_read_what_is_kept(tmp_path: Path) -> None:
    Shelf(tmp_path / "new").put(Kind.TRUTH, "a", b"1")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "new").iterdir()] == [0]


def draw(folder: str) -> list[int]:
    shared = SharedSeeds(Path(folder))
    return [shared.bench("a", MANY) for _ in range(MAX_USES)]


def test_workers_share_a_seed_and_together_use_it_no_more_often_than_one_may(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        drawn = [seed for each in pool.map(draw, [str(tmp_path)] * 4) for seed in each]
    assert sorted(drawn.count(seed) for seed in set(drawn)) == [MAX_USES] * 4


def test_what_one_worker_has_told_no_other_uses_again(tmp_path: Path) -> None:
    mine, theirs = SharedSeeds(tmp_path), SharedSeeds(tmp_path)
    first = mine.bench("a", MANY)
    assert theirs.bench("a", MANY) == first
    theirs.told("a")
    assert mine.bench("a", MANY) != first
    assert mine.bench("a", FEW_NUMBERS) != mine.bench("a", FEW_NUMBERS)


def test_seeds_of_problems_that_are_long_gone_are_forgotten_by_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, "MAX_KEPT", 5)
    shared = SharedSeeds(tmp_path)
    for number in range(9):
        shared.bench(str(number), MANY)
    assert len(list(tmp_path.glob("[0-9]*"))) <= 5
