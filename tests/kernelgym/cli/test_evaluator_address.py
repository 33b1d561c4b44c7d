"""`--evaluator`: commands have others evaluate, and say in a line what is wrong with an address."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from kernelgym.cli import app, examination
from kernelgym.cli.examination import examine_evaluator
from kernelgym.cli.exits import ExitCode
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Described, Inquiry, Task
from kernelgym.evaluators.remote import client
from kernelgym.serving.http.tokens import Scope, TokenFile
from kernelgym.serving.jobs import Answer, Priority
from sandboxes.contracts import Case, CaseKind, Description, TensorSpec
from tests.kernelgym.evaluators.remote.served import served
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, incorrect

NOBODY = "http://127.0.0.1:9"


def answer(task: Task) -> Answer:
    if not isinstance(task, Inquiry):
        return incorrect(task)
    some = TensorSpec(shape=(7,), dtype="float32", stride=(1,))
    cases = tuple(Case(name=f"{kind} n=7", kind=kind, shape={"n": 7}, inputs=(some,)) for kind in CaseKind)
    return Described(
        description=Description(
            reference=task.reference, cases=cases, output=some, distributions=("x1",), gflop=0.5, bytes=28
        )
    )


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(answer)


@pytest.fixture
def url(engine: ScriptedEngine) -> Iterator[str]:
    with served(engine) as address:
        yield address


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a server as long as a user does."""
    monkeypatch.setattr(client, "POLITE", Manners(greeting_s=0.1, patience_s=2.0, pause_s=0.01))


@pytest.fixture
def candidate(tmp_path: Path) -> str:
    path = tmp_path / "kernel.py"
    path.write_text("class ModelNew: pass\n")
    return str(path)


def kernelgym(*arguments: str, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(app, list(arguments), catch_exceptions=False)


def evaluate(candidate: str, address: str, **variables: str) -> Result:
    return kernelgym("evaluate", candidate, "--problem", "core/add_relu", "--evaluator", address, **variables)


def test_a_candidate_is_evaluated_by_a_server_before_all_batches(
    url: str, engine: ScriptedEngine, candidate: str
) -> None:
    result = evaluate(candidate, url)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert "[incorrect]" in result.stdout
    assert result.stderr == ""
    assert engine.orders[0].priority is Priority.INTERACTIVE


def test_a_run_is_evaluated_by_the_server_that_a_variable_names(
    url: str, engine: ScriptedEngine, tmp_path: Path
) -> None:
    out = str(tmp_path / "run")
    asked = ("run", "--problems", "core/add_relu", "--policy", "demo", "--turns", "2", "--out", out)
    result = kernelgym(*asked, KERNELGYM_EVALUATOR=url)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert "1 of 1 episode counted" in result.stdout
    assert {order.priority for order in engine.orders} == {Priority.BATCH}
    assert {order.task.reference.id for order in engine.orders} == {"core/add_relu"}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("htp://host:8000", "did you mean 'http://host:8000'?"),
        ("localhost:8000", "did you mean 'http://localhost:8000'?"),
    ],
)
def test_an_address_that_can_not_be_is_one_line_with_what_was_meant(address: str, words: str, candidate: str) -> None:
    result = evaluate(candidate, address)
    assert result.exit_code == ExitCode.USAGE
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_server_that_is_away_is_said_at_once_and_in_the_end_nobodys_fault(candidate: str, tmp_path: Path) -> None:
    result = evaluate(candidate, NOBODY)
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert result.stderr.startswith(f"warning: no connection to {NOBODY}")
    assert "is `kernelgym serve` running there? (asking again)" in result.stderr
    assert "tried for 0.1 s: no connection to" in " ".join(result.stdout.split())
    run = kernelgym("run", "--problems", "core/add_relu", "--evaluator", NOBODY, "--out", str(tmp_path / "run"))
    assert run.exit_code == ExitCode.INFRASTRUCTURE
    assert "the same command plays them again" in run.stderr


def test_a_server_without_workers_is_said_at_once_and_waited_for(
    url: str, engine: ScriptedEngine, candidate: str
) -> None:
    engine.problem = "no worker serves trace; start one: kernelgym worker"
    result = evaluate(candidate, url)
    assert result.exit_code == ExitCode.VERDICT
    assert result.stderr == f"warning: {url} is not ready: {engine.problem} (asking again)\n"


def test_a_wrong_token_is_one_line_that_does_not_show_it(
    engine: ScriptedEngine, candidate: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokens.yaml"
    entry = {"name": "me", "sha256": sha256(b"kg_right").hexdigest(), "scopes": list(map(str, Scope))}
    path.write_text(yaml.safe_dump({"tokens": [entry]}))
    path.chmod(0o600)
    with served(engine, tokens=TokenFile(path)) as url:
        right = evaluate(candidate, url, KERNELGYM_TOKEN="kg_right")
        wrong = evaluate(candidate, url, KERNELGYM_TOKEN="kg_wrong")
    assert right.exit_code == ExitCode.VERDICT, right.stderr
    assert wrong.exit_code == ExitCode.USAGE
    assert "wants a valid token" in wrong.stderr
    assert "KERNELGYM_TOKEN" in wrong.stderr
    assert "kg_wrong" not in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1


def test_the_doctor_has_a_row_for_the_evaluator_with_what_to_do(url: str, engine: ScriptedEngine) -> None:
    assert examine_evaluator("local", None) == []
    (ready,) = examine_evaluator(url, None)
    assert (ready.capability.works, ready.fatal) == (True, False)
    engine.problem = "no worker serves trace; start one: kernelgym worker"
    (unready,) = examine_evaluator(url, None)
    assert unready.fatal
    assert unready.capability.detail.endswith("is not ready: no worker serves trace")
    assert unready.capability.remedy == "start one: kernelgym worker"
    (away,) = examine_evaluator(NOBODY, None)
    assert away.capability.remedy == "is `kernelgym serve` running there?"
    assert not examination.can_evaluate([away])
