"""Whatever was left in a directory is removed, and nothing beside it."""

import os
import secrets
from pathlib import Path

from sandboxes.isolation.emptying import empty


def test_directories_deeper_than_recursion_and_paths_go(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path / "victim")
        for _ in range(1200):
            Path("nested").mkdir()
            os.chdir("nested")
        Path("bottom").touch()
    finally:
        os.fchdir(home)
        os.close(home)
    assert empty(str(tmp_path / "victim"))
    assert list((tmp_path / "victim").iterdir()) == []


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


def test_wide_trees_are_removed_in_one_go(tmp_path: Path) -> None:
    for folder in range(20):
        for inner in range(20):
            path = tmp_path / f"{folder}" / f"{inner}"
            path.mkdir(parents=True)
            (path / secrets.token_hex(4)).touch()
    assert empty(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
