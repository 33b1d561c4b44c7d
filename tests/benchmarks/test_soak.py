"""The soak, for a minute: real faults, and no verdict is lost, doubled or changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(480)
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_minute_of_faults_loses_doubles_and_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "soak.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--evaluations", "100", "--minutes", "1.25", "--most-minutes", "4",
         "--fault-every", "5", "--programs", "16", "--workers", "2", "--clients", "8", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=460,
    )  # fmt: skip
    assert out.exists(), ended.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    verdicts = found["verdicts"]
    assert {name: verdicts[name] for name in ("lost", "duplicated", "changed")} == {
        "lost": 0, "duplicated": 0, "changed": 0
    }, json.dumps(verdicts["which"], indent=1)  # fmt: skip
    assert verdicts["infrastructure"] == 0, json.dumps(verdicts["which"], indent=1)
    assert verdicts["answers"] >= 100
    assert found["settled_twice"] == []
    assert found["faults"] >= 12
    assert found["injector_broke"] is None
    assert found["left_behind"]["processes"] == []
    assert found["left_behind"]["control_groups"] == []
    assert ended.returncode == 0, ended.stderr
