"""Data sets that the tests make themselves; nothing is downloaded."""

import json
import os
import socket
import subprocess
import sys

import pytest

from kernelgym.errors import BadUsage
from kernelgym.problems import load_problems, select_problems
from kernelgym.problems.sources import hugging_face
from tests.kernelgym.problems.references import SOURCE

datasets = pytest.importorskip("datasets", reason="datasets is not installed; pip install 'kernelgym[hf]'")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def rows(level, count=3):
    return [
        {"code": SOURCE, "level": level, "name": f"{n}_Some_name", "problem_id": 10 * n} for n in range(1, count + 1)
    ]


@pytest.fixture
def saved(tmp_path):
    splits = {f"level_{level}": datasets.Dataset.from_list(rows(level)) for level in (1, 2)}
    folder = tmp_path / "KernelBench"
    datasets.DatasetDict(splits).save_to_disk(folder)
    return folder


def ids(selection):
    return [problem.id for problem in select_problems(selection)]


def test_a_saved_data_set_gives_the_problems_of_all_splits(saved):
    problems = select_problems(f"hf:{saved}")
    assert [problem.id for problem in problems] == [
        f"hf/KernelBench/level_{level}/{number}" for level in (1, 2) for number in (10, 20, 30)
    ]
    first = problems[0]
    assert (first.title, first.level, first.difficulty) == ("Some name", 1, "easy")
    assert first.tags == ("kernelbench", "level1", "normalisation", "reduction")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("@level_2", ["level_2/10", "level_2/20", "level_2/30"]),
        ("@level_2/2-9", ["level_2/20", "level_2/30"]),
        ("@level_1/3", ["level_1/30"]),
        ("/2", ["level_1/20", "level_2/20"]),
    ],
)
def test_splits_and_rows_narrow_it_down(saved, rest, expected):
    assert ids(f"hf:{saved}{rest}") == [f"hf/KernelBench/{end}" for end in expected]


def test_one_saved_split_is_a_data_set(tmp_path):
    datasets.Dataset.from_list(rows(1)).save_to_disk(tmp_path / "one")
    assert len(ids(f"hf:{tmp_path}/one")) == 3


def test_a_folder_of_parquet_files_is_a_data_set_and_the_split_tells_the_level(tmp_path):
    (tmp_path / "set" / "data").mkdir(parents=True)
    content = [{"code": SOURCE, "name": "1_A"}]
    datasets.Dataset.from_list(content).to_parquet(tmp_path / "set" / "data" / "level_3-00000-of-00001.parquet")
    [problem] = select_problems(f"hf:{tmp_path}/set")
    assert (problem.id, problem.level, problem.difficulty) == ("hf/set/level_3/1", 3, "hard")


def test_a_folder_of_json_lines_with_ground_truth_is_a_data_set(tmp_path):
    (tmp_path / "rl").mkdir()
    row = {"prompt": [{"role": "user", "content": "?"}], "reward_model": {"style": "rule", "ground_truth": SOURCE}}
    (tmp_path / "rl" / "train.jsonl").write_text(json.dumps(row) + "\n")
    assert ids(f"hf:{tmp_path}/rl@train/1") == ["hf/rl/train/1"]


def test_a_bad_row_costs_itself_and_not_the_others(tmp_path):
    content = [*rows(1), {"code": "nonsense", "level": 1, "name": "4_Bad", "problem_id": 40}]
    datasets.Dataset.from_list([*content, content[0]]).save_to_disk(tmp_path / "set")
    loaded = load_problems(f"hf:{tmp_path}/set")
    assert len(loaded.problems) == 3
    assert [str(rejected).partition(";")[0] for rejected in loaded.rejected] == [
        "hf/set/train/4: does not define `Model`",
        "hf/set/train/5: has the id 'hf/set/train/10' of hf/set/train/1",
    ]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("@level_9", "has no split 'level_9'; it has level_1, level_2"),
        ("/7-9", "has no row 7-9"),
        ("/0", "the range '0' starts at 0"),
        ("/nowhere", "is no folder"),
    ],
)
def test_what_is_not_there_is_an_error(saved, rest, message):
    with pytest.raises(BadUsage, match=message):
        select_problems(f"hf:{saved}{rest}")


def test_a_data_set_without_references_names_its_columns(tmp_path):
    datasets.Dataset.from_list([{"question": "?", "answer": "!"}]).save_to_disk(tmp_path / "set")
    with pytest.raises(BadUsage, match="has no column `reference` or `code`; it has question, answer"):
        select_problems(f"hf:{tmp_path}/set")


def test_too_many_rows_are_an_error_that_asks_for_a_range(saved, monkeypatch):
    monkeypatch.setattr(hugging_face, "MAX_ROWS", 4)
    with pytest.raises(BadUsage, match="has more than 4 rows; give a range"):
        select_problems(f"hf:{saved}")
    assert len(select_problems(f"hf:{saved}/1-2")) == 4


def test_a_folder_without_data_is_an_error(tmp_path):
    with pytest.raises(BadUsage, match=r"can't be read .*; give a folder of data files"):
        select_problems(f"hf:{tmp_path}")


@pytest.mark.parametrize("name", ["a b", "a/b/c", "owner/name@", "a,", "@x"])
def test_what_can_not_be_a_name_is_an_error(name):
    with pytest.raises(BadUsage):
        select_problems(f"hf:{name}")


def test_a_data_set_that_can_not_be_reached_is_one_clear_error_at_once(tmp_path):
    code = """
from kernelgym.errors import BadUsage
from kernelgym.problems import select_problems
try:
    select_problems("hf:nobody/nothing/1-20")
except BadUsage as error:
    print(error)
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.startswith("the data set 'nobody/nothing' can't be had from the hub (")
    assert result.stdout.endswith("check its name and the network, or give a folder\n")


def test_a_hub_that_does_not_answer_is_one_clear_error_at_once(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with socket.socket() as silent:  # bound, but nobody listens
        silent.bind(("127.0.0.1", 0))
        hub = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub)
        with pytest.raises(
            BadUsage, match=rf"'nobody/nothing' can't be had: {hub} can't be reached \(Connection refused"
        ):
            select_problems("hf:nobody/nothing")


def test_a_missing_package_names_the_extra(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(BadUsage, match=r"needs the package datasets; `pip install 'kernelgym\[hf\]'` installs it"):
        select_problems(f"hf:{saved}")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("dataset_dict.json", "{}"),
        ("dataset_dict.json", "[]"),
        ("dataset_dict.json", "5"),
        ("dataset_dict.json", "nonsense"),
        ("level_1/state.json", "{}"),
        ("level_1/state.json", "[]"),
        ("level_1/state.json", "null"),
        ("level_1/state.json", '{"_data_files": 5}'),
        ("level_1/dataset_info.json", "[]"),
    ],
)
def test_a_damaged_folder_is_an_error_with_a_remedy(saved, file, content):
    (saved / file).write_text(content)
    with pytest.raises(BadUsage, match=r"can't be read \(.+\); give a folder of data files"):
        select_problems(f"hf:{saved}")
