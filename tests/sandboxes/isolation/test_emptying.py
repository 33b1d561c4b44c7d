"""Whatever was left in a directory is removed, and nothing beside it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.isolation.emptying import empty


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: making thousands of directories on a disk takes seconds."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_directories_deeper_than_recursion_and_paths_go(memory: Path) -> None:
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(memory)
        for _ in range(1200):
            Path("nested").mkdir()
            os.chdir("nested")
        Path("bottom").touch()
    finally:
        os.fchdir(home)
        os.close(home)
    assert empty(str(memory))
    assert list(memory.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("kept")
    victim = tmp_path / "victim"
    (victim / "a").mkdir(parents=True)
    (victim / "a/link").symlink_to(tmp_path / "kept")
    (victim / "link").symlink_to(tmp_path / "kept")
    assert empty(str(victim))
    assert (tmp_path / "kept/file").read_text() == "kept"


def test_names_and_permissions_do_not_matter(tmp_path: Path) -> None:
    for name in (b"\xff\xfe", b"a\nb", b"x" * 255):
        folder = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - names that are no text
        os.makedirs(os.path.join(folder, b"inner"))  # noqa: PTH103, PTH118
        os.mkfifo(os.path.join(folder, b"fifo"))  # noqa: PTH118
        os.chmod(os.path.join(folder, b"inner"), 0)  # noqa: PTH101, PTH118
        os.chmod(folder, 0)  # noqa: PTH101
    assert empty(str(tmp_path))


def test_wide_trees_are_removed_in_one_go(memory: Path) -> None:
    for folder in range(20):
        for inner in range(20):
            path = memory / f"{folder}" / f"{inner}"
            path.mkdir(parents=True)
            (path / "file").touch()
    assert empty(str(memory))
    assert list(memory.iterdir()) == []


def test_what_cannot_be_removed_is_reported(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (memory / "kept/inner").mkdir(parents=True)
    real = os.rmdir
    monkeypatch.setattr(
        os, "rmdir", lambda name, dir_fd: real("nowhere") if name == "inner" else real(name, dir_fd=dir_fd)
    )
    assert not empty(str(memory))
    assert [path.name for path in memory.iterdir()] == ["kept"]
