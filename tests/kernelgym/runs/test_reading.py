"""A folder is read back as it was written, the latest record of each episode once."""

from pathlib import Path

import pytest

from kernelgym.errors import RunFolderUnusable
from kernelgym.runs.folder import EPISODES, RunFolder
from kernelgym.runs.reading import iterate_episodes, read_run, read_run_record
from sandboxes.contracts import Outcome
from tests.kernelgym.runs.test_folder import RECORD
from tests.policies.episodes import episode

FIRST, SECOND, AGAIN = episode(Outcome.INCORRECT, 2.0), episode(2.0, sample=1), episode(3.0, sample=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with RunFolder(tmp_path, RECORD) as folder:
        for record in (SECOND, FIRST, AGAIN):
            folder.append(record)
    return tmp_path


def test_episodes_come_by_problem_and_sample_and_the_later_record_counts(path: Path) -> None:
    assert read_run(path).episodes == (AGAIN, SECOND)
    assert list(iterate_episodes(path)) == [AGAIN, SECOND]


def test_the_run_is_the_one_that_was_begun(path: Path) -> None:
    record = read_run_record(path)
    assert record.model_copy(update={"data_seed": ""}) == RECORD
    assert read_run(path).record == record


def test_half_a_last_line_is_left_out_and_stays(path: Path) -> None:
    with (path / EPISODES).open("ab") as file:
        file.write(b'{"schema')
    before = (path / EPISODES).read_bytes()
    assert len(read_run(path).episodes) == 2
    assert (path / EPISODES).read_bytes() == before


def test_a_run_that_is_being_written_can_be_read(path: Path) -> None:
    with RunFolder(path, RECORD) as folder:
        folder.append(episode(1.0, sample=2))
        assert len(read_run(path).episodes) == 3


def test_what_is_no_run_is_named_with_a_remedy(path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(RunFolderUnusable, match=r"holds no run: there is no run.json; give the --out"):
        read_run(tmp_path_factory.mktemp("empty"))
    (path / "run.json").write_text("{}")
    with pytest.raises(RunFolderUnusable, match=r"run.json is not a run of this version"):
        read_run(path)


def test_a_line_that_is_no_episode_is_named(path: Path) -> None:
    with (path / EPISODES).open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(RunFolderUnusable, match=r"line 4 of .* is no episode of this version"):
        read_run(path)
