import pytest

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.problems import load_problems, select_problems
from kernelgym.problems.sources import kernelbench
from kernelgym.problems.sources.kernelbench import title_of
from tests.kernelgym.problems.references import SOURCE, checkout

FILES = {
    "1/1_Square_matrix_multiplication_.py": SOURCE,
    "1/2_Softmax.py": SOURCE,
    "1/10_GELU.py": SOURCE,
    "2/1_Conv2D_ReLU.py": SOURCE,
    "3/7_LeNet.py": SOURCE,
}


@pytest.fixture
def bench(tmp_path):
    return checkout(tmp_path / "bench", FILES)


def ids(selection):
    return [problem.id.removeprefix("kernelbench/") for problem in select_problems(selection)]


def test_a_checkout_gives_all_problems_by_level_and_number(bench):
    assert ids(f"kernelbench:{bench}") == ["1/1", "1/2", "1/10", "2/1", "3/7"]


def test_the_folder_of_levels_is_as_good_as_the_checkout(bench):
    assert ids(f"kernelbench:{bench}/KernelBench") == ids(f"kernelbench:{bench}/")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("/1", ["1/1", "1/2", "1/10"]),
        ("/1-2", ["1/1", "1/2", "1/10", "2/1"]),
        ("/1/2", ["1/2"]),
        ("/1/2-99", ["1/2", "1/10"]),
        ("/1-3/7", ["3/7"]),
        ("/2-4", ["2/1", "3/7"]),
    ],
)
def test_levels_and_numbers_narrow_it_down(bench, rest, expected):
    assert ids(f"kernelbench:{bench}{rest}") == expected


def test_a_folder_whose_name_is_a_number_is_still_a_folder(tmp_path):
    outer = checkout(tmp_path / "bench", FILES)
    checkout(outer / "1", {"2/5_Inner.py": SOURCE})
    assert ids(f"kernelbench:{outer}/1") == ["2/5"]
    assert ids(f"kernelbench:{outer}/1/2/5") == ["2/5"]
    (outer / "2").mkdir()
    assert ids(f"kernelbench:{outer}/2") == ["2/1"], "a folder that is no checkout is in nobody's way"


def test_title_level_difficulty_and_tags_are_known(bench):
    first, *_, last = select_problems(f"kernelbench:{bench}")
    assert (first.title, first.level, first.difficulty) == ("Square matrix multiplication", 1, "easy")
    assert (last.title, last.level, last.difficulty) == ("LeNet", 3, "hard")
    assert first.tags == ("kernelbench", "level1", "normalisation", "reduction")
    assert [problem.id for problem in select_problems(f"kernelbench:{bench}", levels=[2])] == ["kernelbench/2/1"]


@pytest.mark.parametrize(
    ("name", "title"),
    [("23_Softmax.py", "Softmax"), ("12_Matmul_with_diagonal_.py", "Matmul with diagonal"), ("7_.py", "7_.py")],
)
def test_titles_come_from_the_names_of_files(name, title):
    assert title_of(name) == title


def test_a_bad_file_costs_itself_and_not_the_others(tmp_path):
    folder = checkout(
        tmp_path,
        {
            "1/1_Good.py": SOURCE,
            "1/2_Syntax.py": "def f(:",
            "1/3_Latin.py": b"# \xff",
            "1/4_No_inputs.py": SOURCE.replace("get_inputs", "make_inputs"),
            "1/5_Large.py": "#" * 1_000_001,
            "1/1_Again.py": SOURCE,
            "1/unnumbered.py": SOURCE,
            "1/0_zero.py": SOURCE,
            "1/__init__.py": "",
            "1/README.md": "",
        },
    )
    (folder / "KernelBench/level1/6_Dangling.py").symlink_to("nowhere.py")
    (folder / "KernelBench/level1/7_Linked.py").symlink_to("1_Good.py")
    loaded = load_problems(f"kernelbench:{folder}")
    assert [problem.id for problem in loaded.problems] == ["kernelbench/1/1", "kernelbench/1/7"]
    assert [(rejected.name, rejected.reason.split(" (")[0].split(":")[0]) for rejected in loaded.rejected] == [
        ("level1/0_zero.py", "has no number"),
        ("level1/unnumbered.py", "has no number"),
        ("level1/1_Good.py", "has the id 'kernelbench/1/1' of level1/1_Again.py"),
        ("level1/2_Syntax.py", "is not Python"),
        ("level1/3_Latin.py", "is not UTF-8"),
        ("level1/4_No_inputs.py", "does not define `get_inputs`"),
        ("level1/5_Large.py", "is too large"),
        ("level1/6_Dangling.py", "can't be read"),
    ]
    assert all(rejected.remedy for rejected in loaded.rejected)


def test_a_bad_file_that_is_asked_for_by_its_number_is_an_error(tmp_path):
    folder = checkout(tmp_path, {"1/1_Good.py": SOURCE, "1/2_Bad.py": "x = ("})
    with pytest.raises(InvalidReference, match=r"level1/2_Bad\.py: is not Python: .*; correct it"):
        select_problems(f"kernelbench:{folder}/1/1,kernelbench:{folder}/1/2")


def test_nothing_but_bad_files_is_an_error_that_names_the_first(tmp_path):
    folder = checkout(tmp_path, {"1/1_A.py": "", "1/2_B.py": ""})
    with pytest.raises(InvalidReference, match=r"none of its 2 members can be used, level1/1_A\.py because"):
        select_problems(f"kernelbench:{folder}")


def test_line_ends_of_another_system_do_not_matter(tmp_path):
    folder = checkout(tmp_path, {"1/1_A.py": SOURCE.replace("\n", "\r\n"), "1/2_B.py": SOURCE})
    first, second = select_problems(f"kernelbench:{folder}")
    assert first.reference.digest == second.reference.digest


def test_an_odd_escape_in_a_docstring_warns_nobody(tmp_path):
    folder = checkout(tmp_path, {"1/1_A.py": '"""A \\d escape."""\n' + SOURCE})
    assert len(select_problems(f"kernelbench:{folder}")) == 1


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("/4", "has no level 4; it has the levels 1, 2, 3"),
        ("/9", "has no level 9"),
        ("/1/11-20", "level 1 of .* has no problem 11-20; its numbers go up to 10"),
        ("/0", "the range '0' starts at 0; numbers are counted from 1"),
        ("/1/20-3", "the range '20-3' ends before it starts; give 3-20"),
        ("/softmax", "is no KernelBench checkout"),
    ],
)
def test_what_is_not_there_is_an_error_with_its_remedy(bench, rest, message):
    with pytest.raises(BadUsage, match=message):
        select_problems(f"kernelbench:{bench}{rest}")


def test_a_folder_that_is_no_checkout_says_how_to_get_one(tmp_path):
    with pytest.raises(BadUsage, match=r"is no KernelBench checkout .*; `git clone https://github\.com"):
        select_problems(f"kernelbench:{tmp_path}")


def test_a_level_of_too_many_files_is_an_error(bench, monkeypatch):
    monkeypatch.setattr(kernelbench, "MAX_FILES", 2)
    with pytest.raises(BadUsage, match="holds 3 files; at most 2 are read"):
        select_problems(f"kernelbench:{bench}/1")
