"""A GPU is added by a file; a file that describes none says what is wrong with it."""

import os
import pickle
from pathlib import Path

import pytest

from sandboxes.hardware.targets import BadTarget, UnknownTarget, get_target
from sandboxes.hardware.targets.catalogue import BUILT_IN, MAX_FILES, VARIABLE, Catalogue
from sandboxes.hardware.targets.reading import MAX_BYTES

H20 = """
name: h20
title: NVIDIA H20
extends: h100
sources: {sheet: NVIDIA H20 data sheet}
multiprocessors: {value: 78, source: sheet}
memory_gib: 96
dram_latency_ns: {value: 400, estimate: slower memory}
tflops: {fp16: {value: 148, source: sheet}}
"""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.delenv(VARIABLE, raising=False)
    return Catalogue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "h20.yaml"
    path.write_text(H20)
    return path


def test_a_file_changes_what_it_names_and_keeps_the_rest(known: Catalogue, file: Path) -> None:
    found, h100 = known.add_file(file), get_target("h100")
    assert known["h20"] == found.target
    changes = {
        "name": "h20",
        "title": "NVIDIA H20",
        "multiprocessors": 78,
        "memory_gib": 96.0,
        "dram_latency_ns": 400.0,
    }
    assert found.target == h100.model_copy(update={**changes, "tflops": {**h100.tflops, "fp16": 148.0}})
    assert str(found.origins["multiprocessors"]) == str(found.origins["tflops.fp16"]) == "NVIDIA H20 data sheet"
    assert str(found.origins["memory_gib"]) == "no source given"
    assert str(found.origins["dram_latency_ns"]) == "estimate: slower memory"
    assert "datasheet" in str(found.origins["tflops.tf32"])  # of h100


def test_the_setting_names_files_and_folders_and_one_may_extend_another(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "a.yaml").write_text("name: later\ntitle: Later\nextends: sooner\n")
    (folder / "b.yml").write_text("name: sooner\ntitle: Sooner\nextends: h20\n")
    (folder / "notes.txt").write_text("nothing")
    monkeypatch.setenv(VARIABLE, f"{folder}{os.pathsep}{file}")
    known = Catalogue()
    assert list(known)[-3:] == ["h20", "sooner", "later"]
    assert known["later"].multiprocessors == 78
    assert next(iter(known)) == "h200"


def test_what_the_package_says_can_not_be_replaced_and_the_same_again_is_nothing_new(
    known: Catalogue, tmp_path: Path, file: Path
) -> None:
    assert known.add_file(file) == known.add_file(file)
    other = tmp_path / "other.yaml"
    other.write_text("name: h100\ntitle: NVIDIA H100\nextends: a100\n")
    with pytest.raises(BadTarget, match=r"other\.yaml.*name is 'h100', and a different target.*choose another name"):
        known.add_file(other)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: x1\ntitle: X\nextends: h1000\n", "extends is 'h1000': There is no target `h1000`. Did you mean `h100`"),
        ("name: x1\ntitle: X\nextends: x1\n", "extends is 'x1': There is no target `x1`"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mzh: 3\n", "no key 'clock_mzh'; did you mean `clock_mhz`"),
        ("name: x1\ntitle: X\nextends: h100\ntflops: {fp15: 3}\n", "no key 'fp15' in tflops; did you mean `fp16`"),
        ("name: x1\ntitle: X\nextends: h100\nl2_mib: {value: 3, src: y}\n", "no key 'src' in l2_mib"),
        ("name: x1\ntitle: X\nextends: h100\nl2_mib: {source: y}\n", "l2_mib is .* write `value:`"),
        ("name: x1\ntitle: X\nextends: h100\nl2_mib: {value: 1, source: y, estimate: z}\n", "one of `source:` and"),
        ("name: x1\ntitle: X\nextends: h100\nl2_mib: {value: 1, source: 3}\n", "l2_mib is"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: fast\n", "clock_mhz is 'fast'; write a number"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: -1\n", "clock_mhz is -1; write a number"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: 0\n", "clock_mhz is 0; write a number above 0"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: .nan\n", "clock_mhz is nan"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: .inf\n", "clock_mhz is inf"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: 1" + "0" * 400 + "\n", "clock_mhz is 1000"),
        ("name: x1\ntitle: X\nextends: h100\nclock_mhz: true\n", "clock_mhz is True"),
        ("name: x1\ntitle: X\nextends: h100\nmultiprocessors: 1.5\n", "multiprocessors is 1.5: .*integer"),
        ("name: Nice GPU\ntitle: X\nextends: h100\n", "name is 'Nice GPU': .*pattern"),
        ("name: x1\ntitle: X\nextends: h100\nbackend: metal\n", "backend is 'metal'"),
        ("name: x1\ntitle: X\nextends: h100\narch: 90\n", 'arch is 90; write `arch: "90"`'),
        ("name: x1\ntitle: X\nextends: h100\narch: sm_90\n", "arch is 'sm_90': .*compute capability"),
        ("name: x1\ntitle: X\nextends: h100\nbackend: hip\n", "arch is '90': .*gfx"),
        ("name: x1\nextends: h100\n", "it lacks title"),
        ("name: x1\ntitle: X\n", "it lacks backend, arch, .*extends"),
        ("name: x1\ntitle: X\nextends: h100\nname: x2\n", "has the key 'name' twice"),
        ("name: &a x1\ntitle: *a\n", "has an alias"),
        ("name: x1\ntitle: X\nsources: [1]\n", "sources is"),
        ("name: x1\ntitle: X\nextends: h100\ntflops: 3\n", "tflops is 3"),
        ("- name\n", "no mapping"),
        ("", "is empty"),
        ("[" * 5000, "nested"),
        ("name: !!python/object/apply:os.system [true]\n", "no plain YAML"),
        ("name: [\n", "no plain YAML"),
        ("\x00", "no plain YAML"),
        ("? [a]\n: b\n", "no plain YAML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_with_key_value_and_remedy(
    known: Catalogue, tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadTarget, match=complaint) as caught:
        known.add_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message) < 2000
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # noqa: S301 - our own bytes
    assert list(known) == list(BUILT_IN)


def test_files_that_are_no_files_are_refused(known: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadTarget, match="not there"):
        known.add_file(tmp_path / "nowhere.yaml")
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    with pytest.raises(BadTarget, match="no regular file"):
        known.add_file(fifo)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(BadTarget, match="larger than"):
        known.add_file(large)
    crowd = tmp_path / "crowd"
    crowd.mkdir()
    for number in range(MAX_FILES + 1):
        (crowd / f"{number}.yaml").write_text("")
    monkeypatch.setenv(VARIABLE, str(crowd))
    with pytest.raises(BadTarget, match="at most"):
        Catalogue().describe("h100")


def test_a_bad_file_of_the_setting_is_an_error_of_whoever_asks_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: x1\n")
    monkeypatch.setenv(VARIABLE, str(path))
    known = Catalogue()
    for _ in range(2):
        with pytest.raises(BadTarget, match="lacks"):
            known.describe("h100")
    path.write_text("name: x1\ntitle: X\nextends: h100\n")
    assert known["x1"].title == "X"


def test_files_that_extend_each_other_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("name: aa\ntitle: A\nextends: bb\n")
    (tmp_path / "b.yaml").write_text("name: bb\ntitle: B\nextends: aa\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(BadTarget, match="extends is 'bb': There is no target `bb`"):
        Catalogue().describe("h100")


def test_an_unknown_name_tells_of_the_setting(known: Catalogue) -> None:
    with pytest.raises(UnknownTarget, match="KERNELGYM_TARGETS"):
        known.describe("v100")
