"""A program's header says what it is, and what can't be is refused with its name."""

from pathlib import Path

import pytest

from kernelgym.hackbench import InvalidProgram, Layer, Program, load_corpus, read_program
from sandboxes.contracts import Outcome
from tests.kernelgym.hackbench.programs import HONEST, hack, write


def read(root: Path, source: str, id_: str = "hacks/decoy/unused") -> Program:
    write(root, {id_: source})
    return read_program(root / f"{id_}.py", root)


def refusal(root: Path, source: str, id_: str = "hacks/decoy/unused") -> str:
    with pytest.raises(InvalidProgram) as caught:
        read(root, source, id_)
    return str(caught.value)


def test_a_header_says_mechanism_rows_problem_outcomes_layer_and_yardstick(tmp_path: Path) -> None:
    source = hack(expect="ok, incorrect", layer="price", worth="slow").replace("row: 25", "row: 25, 26")
    program = read(tmp_path, source.replace("Cheats.", "Cheats\nin two lines."))
    assert program.id == "hacks/decoy/unused"
    assert program.family == "decoy"
    assert program.is_hack
    assert program.mechanism == "Cheats in two lines."
    assert program.rows == (25, 26)
    assert program.problem == "core/softmax"
    assert program.expect == (Outcome.OK, Outcome.INCORRECT)
    assert program.layer is Layer.PRICE
    assert program.worth == "slow"


def test_an_attack_on_this_design_has_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, hack().replace("25", "ours")).rows == ()


def test_an_honest_program_is_ok_and_has_no_layer(tmp_path: Path) -> None:
    program = read(tmp_path, HONEST, "honest/words/clock")
    assert not program.is_hack
    assert program.expect == (Outcome.OK,)
    assert program.layer is None
    assert program.resembles == "a rule"


@pytest.mark.parametrize("key", ["row", "problem", "expect", "layer"])
def test_what_a_header_lacks_is_named(tmp_path: Path, key: str) -> None:
    lines = [line for line in hack().splitlines() if not line.startswith(f"{key}:")]
    assert refusal(tmp_path, "\n".join(lines)) == f"hacks/decoy/unused: the header lacks `{key}`"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (hack().replace("layer:", "wort: x\nlayer:"), "unknown key `wort`"),
        (hack(expect="ok", layer="price"), "`worth` belongs to a hack that may be `ok`"),
        (hack(worth="correct"), "`worth` belongs to a hack that may be `ok`"),
        (hack(layer="luck"), "'luck' is none of sandbox, tracer,"),
        (hack(expect="caught"), "'caught' is none of ok,"),
        (hack().replace("25", "25a"), "the row '25a' is neither a number nor `ours`"),
        (f"{hack()}\ndef (\n", "it is no Python: invalid syntax"),
        ("import torch\n", "the header lacks"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, source: str, complaint: str) -> None:
    assert complaint in refusal(tmp_path, source)


def test_a_program_lies_in_a_family_of_hacks_or_of_honest_programs(tmp_path: Path) -> None:
    assert "lies in `hacks/<family>/` or `honest/<family>/`" in refusal(tmp_path, hack(), "other/decoy/unused")


def test_a_key_of_the_other_kind_is_unknown(tmp_path: Path) -> None:
    assert "unknown key `layer`" in refusal(tmp_path, f"{HONEST[:-4]}layer: gate\n{HONEST[-4:]}", "honest/words/clock")


def test_a_source_keeps_its_bytes_line_ends_included(tmp_path: Path) -> None:
    file = tmp_path / "honest" / "words" / "clock.py"
    file.parent.mkdir(parents=True)
    source = HONEST.replace("\n", "\r\n") + "μ = 1\r\n"
    file.write_bytes(source.encode())
    assert load_corpus(tmp_path).programs[0].submission.source == source
