import pytest

from kernelgym.errors import InvalidReference
from kernelgym.problems import list_problems, problem_from_file, validate_reference
from kernelgym.problems.reference_file import MAX_REFERENCE_BYTES

MODEL = "class Model:\n    pass\n"
INIT = "def get_init_inputs():\n    return []\n"
INPUTS = "def get_inputs(n=3):\n    return [n]\n"


def written(tmp_path, content: str | bytes):
    path = tmp_path / "mine.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_reference_file_becomes_a_problem_named_after_it(tmp_path):
    problem = problem_from_file(written(tmp_path, MODEL + INIT + INPUTS))
    assert problem.id == "file/mine"
    assert problem.reference.source == MODEL + INIT + INPUTS


def test_the_path_may_be_a_string(tmp_path):
    assert problem_from_file(str(written(tmp_path, MODEL + INIT + INPUTS))).title == "Reference in mine.py"


def test_a_byte_order_mark_is_not_part_of_the_source(tmp_path):
    content = b"\xef\xbb\xbf" + (MODEL + INIT + INPUTS).encode()
    assert problem_from_file(written(tmp_path, content)).reference.source.startswith("class")


def test_the_file_is_not_executed(tmp_path):
    problem_from_file(written(tmp_path, "raise SystemExit('executed')\n" + MODEL + INIT + INPUTS))


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        (INIT + INPUTS, "Model"),
        (MODEL + INPUTS, "get_init_inputs"),
        (MODEL + INIT, "get_inputs"),
        ("if True:\n    class Inner:\n        class Model: ...\n" + INIT + INPUTS, "Model"),
    ],
)
def test_what_is_missing_is_named_with_what_to_add(tmp_path, source, missing):
    path = written(tmp_path, source)
    with pytest.raises(InvalidReference) as caught:
        problem_from_file(path)
    assert str(caught.value).startswith(f"{path}: does not define `{missing}`; add `")


@pytest.mark.parametrize("inputs", ["def get_inputs(n):\n    return [n]\n", "def get_inputs(*, n):\n    return [n]\n"])
def test_inputs_that_need_an_argument_are_refused(tmp_path, inputs):
    with pytest.raises(
        InvalidReference, match="`get_inputs` can't be called without `n`; give every argument a default"
    ):
        problem_from_file(written(tmp_path, MODEL + INIT + inputs))


def test_functions_may_be_assigned():
    validate_reference("Model = object\nget_init_inputs = list\nget_inputs = lambda: []\n", "x")


def test_a_syntax_error_is_reported_with_its_line(tmp_path):
    with pytest.raises(InvalidReference, match=r"mine\.py: is not Python: .* \(line 2\); correct it"):
        problem_from_file(written(tmp_path, "x = 1\ndef f(:\n"))


def test_null_bytes_and_bottomless_nesting_are_not_python():
    for source in ("x = '\0'", "x = " + "-" * 100_000 + "1"):
        with pytest.raises(InvalidReference, match="is not Python"):
            validate_reference(source, "x")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(InvalidReference, match=r"nowhere\.py: can't be read \(No such file"):
        problem_from_file(tmp_path / "nowhere.py")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(InvalidReference, match="can't be read"):
        problem_from_file(tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    with pytest.raises(InvalidReference, match=r"is not UTF-8 \(byte 2\); save it as UTF-8"):
        problem_from_file(written(tmp_path, b"# \xff"))


def test_a_huge_file_is_refused(tmp_path):
    with pytest.raises(InvalidReference, match=f"is too large; keep it under {MAX_REFERENCE_BYTES} bytes"):
        problem_from_file(written(tmp_path, b"#" * (MAX_REFERENCE_BYTES + 1)))


def test_all_built_in_references_are_valid():
    for problem in list_problems("core/*"):
        validate_reference(problem.reference.source, problem.id)
