"""The folder of a run survives whatever happens to the process that writes it."""

import errno
import os
from pathlib import Path

import pytest

from kernelgym.errors import RunFolderUnusable
from kernelgym.runs import folder as run_folder
from kernelgym.runs import lines
from kernelgym.runs.folder import EPISODES, RUN, RunFolder
from kernelgym.runs.record import Loss
from kernelgym.runs.run_record import RunRecord
from sandboxes.contracts import EvalConfig, Outcome
from tests.policies.episodes import episode

RECORD = RunRecord(
    policy="demo", problems={"core/softmax": "1"}, samples=3, seed=0, turns=3, target_speedup=None,
    reward="drkernel_paper", config=EvalConfig(), versions={},
)  # fmt: skip
FIRST, SECOND = episode(Outcome.INCORRECT, 2.0, sample=0), episode(2.0, sample=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with two episodes."""
    with RunFolder(tmp_path / "new" / "run", RECORD) as folder:
        folder.append(FIRST)
        folder.append(SECOND)
    return folder.path


def test_what_was_added_is_there_the_next_time(path: Path) -> None:
    with RunFolder(path, RECORD) as folder:
        assert list(folder.episodes()) == [FIRST, SECOND]


def test_a_later_record_of_an_episode_replaces_the_earlier_one(path: Path) -> None:
    with RunFolder(path, RECORD) as folder:
        again = episode(3.0, sample=0)
        folder.append(again)
    with RunFolder(path, RECORD) as folder:
        assert list(folder.episodes()) == [again, SECOND]


@pytest.mark.parametrize("left", [1, 100, 1000, -2])
def test_half_a_last_line_is_dropped_and_the_file_goes_on_after_the_line_before(path: Path, left: int) -> None:
    episodes = path / EPISODES
    first, second = episodes.read_bytes().splitlines(keepends=True)
    episodes.write_bytes(first + second[:left])
    with RunFolder(path, RECORD) as folder:
        assert list(folder.episodes()) == [FIRST]
        folder.append(SECOND)
    assert episodes.read_bytes() == first + second


def test_a_last_line_of_zeros_as_a_power_cut_leaves_it_is_dropped(path: Path) -> None:
    with (path / EPISODES).open("ab") as file:
        file.write(b"\0" * 50)
    with RunFolder(path, RECORD) as folder:
        assert len(folder.losses) == 2


def test_a_whole_last_line_that_lost_its_line_feed_is_kept_and_ended(path: Path) -> None:
    episodes = path / EPISODES
    before = episodes.read_bytes()
    episodes.write_bytes(before.removesuffix(b"\n"))
    third = episode(2.0, sample=2)
    with RunFolder(path, RECORD) as folder:
        assert list(folder.episodes()) == [FIRST, SECOND]
        folder.append(third)
    assert episodes.read_bytes().startswith(before)
    with RunFolder(path, RECORD) as folder:
        assert list(folder.episodes()) == [FIRST, SECOND, third]


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("place", [1, 2])
def test_a_whole_line_that_is_no_episode_of_this_version_is_named_and_stays(path: Path, place: int, end: bytes) -> None:
    lines = (path / EPISODES).read_bytes().splitlines(keepends=True)
    newer = lines[1].replace(b'"schema_version":1', b'"schema_version":2').removesuffix(b"\n")
    assert b'"schema_version":2' in newer
    lines.insert(place, newer + (end if place == 2 else b"\n"))
    (path / EPISODES).write_bytes(b"".join(lines))
    with pytest.raises(RunFolderUnusable, match=rf"line {place + 1} of .*episodes.jsonl is no episode of this version"):
        RunFolder(path, RECORD)
    assert (path / EPISODES).read_bytes() == b"".join(lines)


def test_a_last_line_that_was_ended_but_is_not_json_is_named_and_stays(path: Path) -> None:
    with (path / EPISODES).open("ab") as file:
        file.write(b"half a li\n")
    before = (path / EPISODES).read_bytes()
    with pytest.raises(RunFolderUnusable, match="line 3 of"):
        RunFolder(path, RECORD)
    assert (path / EPISODES).read_bytes() == before


def test_half_a_line_is_left_alone_if_the_folder_is_refused(path: Path) -> None:
    with (path / EPISODES).open("ab") as file:
        file.write(b'{"schema')
    before = (path / EPISODES).read_bytes()
    with pytest.raises(RunFolderUnusable, match="another run"):
        RunFolder(path, RECORD.model_copy(update={"turns": 5}))
    assert (path / EPISODES).read_bytes() == before


@pytest.mark.parametrize("left", [b"", b'{"schema'])
def test_a_run_without_an_episode_gives_way_to_another(path: Path, left: bytes) -> None:
    (path / EPISODES).write_bytes(left)
    other = RECORD.model_copy(update={"turns": 5})
    with RunFolder(path, other) as folder:
        assert folder.losses == {}
        folder.append(FIRST)
    with pytest.raises(RunFolderUnusable, match="turns is 5 there and 3 here"):
        RunFolder(path, RECORD)


@pytest.mark.parametrize("name", [EPISODES, RUN])
def test_a_link_to_something_without_an_end_is_not_read(path: Path, name: str) -> None:
    (path / name).unlink()
    (path / name).symlink_to("/dev/full")
    with pytest.raises(RunFolderUnusable, match="is no regular file; give another folder"):
        RunFolder(path, RECORD)


def test_a_line_that_is_too_long_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    with pytest.raises(RunFolderUnusable, match=r"line 1 of .* is no episode"):
        RunFolder(path, RECORD)


def test_an_episode_of_endless_texts_is_kept_as_the_policys_failure_and_ends_no_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "MAX_LINE_BYTES", 1000)
    with RunFolder(path, RECORD, restart=True) as folder:
        folder.append(FIRST)
        (kept,) = folder.episodes()
    assert kept.error is not None
    assert (kept.key, kept.loss, kept.turns) == (FIRST.key, Loss.POLICY, ())
    assert "the texts of its 2 turns are longer than" in kept.error.message


def test_other_settings_are_refused_by_name_and_the_episodes_stay(path: Path) -> None:
    with pytest.raises(RunFolderUnusable, match=r"holds another run: turns is 3 there and 5 here; give another --out"):
        RunFolder(path, RECORD.model_copy(update={"turns": 5}))
    with RunFolder(path, RECORD) as folder:
        assert len(folder.losses) == 2


def test_restart_deletes_what_is_there_but_not_what_is_not_ours(path: Path) -> None:
    (path / "notes.txt").write_text("mine")
    with RunFolder(path, RECORD.model_copy(update={"turns": 5}), restart=True) as folder:
        assert folder.losses == {}
    assert (path / EPISODES).read_bytes() == b""
    assert (path / "notes.txt").read_text() == "mine"


def test_what_is_kept_is_what_is_on_the_disk_even_after_an_interrupt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    third = episode(2.0, sample=2)
    with RunFolder(path, RECORD) as folder:
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            folder.append(third)
        monkeypatch.undo()
        folder.read_again()
        assert list(folder.episodes()) == [FIRST, SECOND, third]


def test_two_runs_at_once_are_refused_and_restart_does_not_get_around_it(path: Path) -> None:
    with RunFolder(path, RECORD), pytest.raises(RunFolderUnusable, match="another run is writing to"):
        RunFolder(path, RECORD, restart=True)
    with RunFolder(path, RECORD) as folder:
        assert len(folder.losses) == 2


def test_episodes_of_an_unknown_run_are_left_alone(path: Path) -> None:
    (path / RUN).unlink()
    with pytest.raises(RunFolderUnusable, match=r"holds episodes.jsonl, but no run.json"):
        RunFolder(path, RECORD)


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 2}'])
def test_a_run_of_another_version_is_refused(path: Path, content: str) -> None:
    (path / RUN).write_text(content)
    with pytest.raises(RunFolderUnusable, match=r"run.json is not a run of this version"):
        RunFolder(path, RECORD)


def test_a_folder_that_can_not_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderUnusable, match=r"can't be used .*; give another --out"):
        RunFolder(tmp_path / "file" / "run", RECORD)


def test_a_full_disk_is_an_error_with_a_remedy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with RunFolder(path, RECORD) as folder:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RunFolderUnusable, match="No space left on device"):
            folder.append(FIRST)
