import json

import pytest

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.problems import load_problems, select_problems
from kernelgym.problems.sources import json_lines
from tests.kernelgym.problems.references import SOURCE


def written(tmp_path, rows, name="mine.jsonl"):
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def only(tmp_path, row):
    return select_problems(f"jsonl:{written(tmp_path, [row])}")[0]


def rejected(tmp_path, row):
    with pytest.raises(InvalidReference) as caught:
        only(tmp_path, row)
    return str(caught.value)


def test_a_line_with_a_reference_alone_is_a_problem(tmp_path):
    problem = only(tmp_path, {"reference": SOURCE})
    assert (problem.id, problem.title, problem.level, problem.difficulty) == ("jsonl/mine/1", "Row 1", None, "medium")
    assert problem.reference.source == SOURCE
    assert problem.tags == ("normalisation", "reduction")


def test_everything_that_a_line_may_say_is_read(tmp_path):
    row = {"reference": SOURCE, "id": "my soft/max", "title": "Two\nlines", "level": 2, "tags": ["mine", "softmax"]}
    problem = only(tmp_path, row | {"difficulty": "hard", "unknown": 5})
    assert (problem.id, problem.title, problem.difficulty) == ("jsonl/mine/my_soft_max", "Two lines", "hard")
    assert problem.tags == ("level2", "mine", "softmax", "normalisation", "reduction")


@pytest.mark.parametrize("title", ["\ud800 Soft\x1b[31mmax", "\x00 Soft\x1b[31mmax", "Soft\x1b[31mmax" + "x" * 5000])
def test_titles_hold_nothing_that_a_terminal_would_obey(tmp_path, title):
    found = only(tmp_path, {"reference": SOURCE, "title": title}).title
    assert found.startswith("Soft [31mmax")
    assert found.isprintable()
    assert len(found) <= 200


def test_columns_of_kernelbench_are_understood(tmp_path):
    problem = only(tmp_path, {"code": SOURCE, "level": 1, "name": "23_Softmax", "problem_id": 23})
    assert (problem.id, problem.title, problem.level, problem.difficulty) == ("jsonl/mine/23", "Softmax", 1, "easy")


@pytest.mark.parametrize(
    "truth", [SOURCE, json.dumps({"pytorch_code": SOURCE}), {"reference": SOURCE}, json.dumps(SOURCE)]
)
def test_the_ground_truth_of_a_reward_model_is_the_reference_whatever_it_is_wrapped_in(tmp_path, truth):
    assert only(tmp_path, {"prompt": [], "reward_model": {"ground_truth": truth}}).reference.source == SOURCE


@pytest.mark.parametrize("where", [{"entry_point": "Net"}, {"extra_info": {"entry_point": "Net"}}])
def test_a_module_of_another_name_is_found_by_its_entry_point(tmp_path, where):
    source = only(tmp_path, {"reference": SOURCE.replace("class Model", "class Net")} | where).reference.source
    assert source.endswith("\n\n\nModel = Net\n")
    assert only(tmp_path, {"reference": SOURCE} | {"entry_point": "Other"}).reference.source == SOURCE


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": "empty"}, "has no reference; give it a column `reference`, `code` or `reward_model.ground_truth`"),
        ({"reference": "  "}, "has no reference"),
        ({"reference": 5}, "has no reference"),
        ({"reward_model": {"ground_truth": {"other": 1}}}, "has no reference"),
        ({"reference": "x = 1"}, "does not define `Model`"),
        ({"reference": "#" * 1_000_001}, "is too large"),
        ([SOURCE], "is a list; make each row an object with a `reference`"),
        ({"reference": SOURCE, "level": 0}, "has the level 0; make it a whole number from 1"),
        ({"reference": SOURCE, "level": True}, "has the level True"),
        ({"reference": SOURCE, "level": "9" * 5000}, "has the level '999"),
        ({"reference": "# \ud800\n" + SOURCE}, "is not Python"),
        (
            {"reference": SOURCE, "difficulty": "extreme"},
            "has the difficulty 'extreme'; make it easy or",
        ),
        ({"reference": SOURCE, "tags": 5}, "has the tags 5; make them a list of lower-case words"),
        ({"reference": SOURCE, "tags": ["A b"]}, "has the tags ['A b']"),
        ({"reference": SOURCE, "id": ["x"]}, "has the id ['x']; make it a text or a whole number"),
        (b"{", "is not JSON"),
        (b'{"reference": "\xff"}', "is not UTF-8 (byte 15)"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_a_line_that_can_not_be_a_problem_says_why(tmp_path, row, message):
    assert message in rejected(tmp_path, row)
    assert rejected(tmp_path, row).startswith("jsonl/mine/1: ")


def test_a_bad_line_costs_itself_and_not_the_others(tmp_path):
    rows = [{"reference": SOURCE}, b"nonsense", b"", {"reference": SOURCE, "id": "1"}, {"reference": SOURCE}]
    loaded = load_problems(f"jsonl:{written(tmp_path, rows)}")
    assert [problem.id for problem in loaded.problems] == ["jsonl/mine/1", "jsonl/mine/5"]
    assert [item.name for item in loaded.rejected] == ["jsonl/mine/2", "jsonl/mine/4"]
    assert loaded.rejected[1].reason == "has the id 'jsonl/mine/1' of jsonl/mine/1"


def test_ranges_are_of_lines(tmp_path):
    path = written(tmp_path, [{"reference": SOURCE}] * 5)
    assert [problem.id for problem in select_problems(f"jsonl:{path}/2-3,jsonl:{path}/5")] == [
        "jsonl/mine/2",
        "jsonl/mine/3",
        "jsonl/mine/5",
    ]
    with pytest.raises(BadUsage, match=r"has no problem in line 6-9; it has 5 lines"):
        select_problems(f"jsonl:{path}/6-9")


def test_line_ends_and_byte_order_marks_of_another_system_do_not_matter(tmp_path):
    path = tmp_path / "windows.jsonl"
    line = json.dumps({"reference": SOURCE.replace("\n", "\r\n")})
    path.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n{line}\r\n".encode())
    assert [problem.reference.source for problem in select_problems(f"jsonl:{path}")] == [SOURCE, SOURCE]


def test_a_line_that_is_too_long_is_skipped_without_holding_it(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 1000)
    path = written(tmp_path, [{"reference": "#" * 5000}, {"reference": SOURCE}, {"reference": "#" * 980}])
    loaded = load_problems(f"jsonl:{path}")
    assert [problem.id for problem in loaded.problems] == ["jsonl/mine/2"]
    assert [item.name for item in loaded.rejected] == ["jsonl/mine/1", "jsonl/mine/3"]
    assert "is longer than" in loaded.rejected[0].reason


def test_too_many_lines_are_an_error_that_asks_for_a_range(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "MAX_ROWS", 3)
    path = written(tmp_path, [{"reference": SOURCE}] * 4)
    with pytest.raises(BadUsage, match=r"has more than 3 lines; give a range, e\.g\. .*mine\.jsonl/1-3"):
        select_problems(f"jsonl:{path}")
    assert len(select_problems(f"jsonl:{path}/2-4")) == 3


@pytest.mark.parametrize("name", ["nowhere.jsonl", "", "nowhere.jsonl/1-3"])
def test_a_file_that_is_not_there_is_an_error(tmp_path, name):
    with pytest.raises(BadUsage, match=r"is no file; give jsonl:PATH"):
        select_problems(f"jsonl:{tmp_path}/{name}")


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(BadUsage, match="it is empty"):
        select_problems(f"jsonl:{tmp_path}/empty.jsonl")


def test_a_device_is_not_read():
    with pytest.raises(BadUsage, match="is no file"):
        select_problems("jsonl:/dev/zero")


def test_two_files_of_the_same_name_are_an_error_if_they_differ(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first = written(tmp_path / "a", [{"reference": SOURCE}])
    second = written(tmp_path / "b", [{"reference": SOURCE + "# another\n"}])
    with pytest.raises(BadUsage, match=r"two different problems in .* are called 'jsonl/mine/1'"):
        select_problems(f"jsonl:{first},jsonl:{second}")


def test_very_many_tags_cost_the_row_itself(tmp_path):
    path = tmp_path / "set.jsonl"
    rows = [{"reference": SOURCE, "tags": [f"t{n}" for n in range(count)]} for count in (20, 21)]
    path.write_text("\n".join(map(json.dumps, rows)))
    loaded = load_problems(f"jsonl:{path}")
    assert len(loaded.problems) == 1
    assert [rejected.reason for rejected in loaded.rejected] == ["has 21 tags"]
