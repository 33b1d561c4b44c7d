"""What the compose file promises can be read in it, by everybody; no engine is needed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_no_privilege_and_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert "docker.sock" not in str(service)


def test_only_the_api_and_flower_have_a_port_and_only_on_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"api", "flower"}
    assert all(port.startswith("127.0.0.1:") for listed in ports.values() for port in listed)


def test_workers_have_no_way_out() -> None:
    assert FILE["networks"]["inside"]["internal"] is True
    assert all(SERVICES[name]["networks"] == ["inside"] for name in ("redis", "worker", "gpu-worker"))


def test_redis_forgets_nothing_of_its_own_accord() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "requirepass" in command


def test_gpus_and_flower_are_there_for_those_who_ask() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "gpu-worker": ["gpu"],
        "flower": ["flower"],
    }


def test_a_gpu_worker_has_what_builds_launchers_and_may_ask_for_clocks() -> None:
    service = SERVICES["gpu-worker"]
    packages = service["build"]["args"]["SYSTEM_PACKAGES"].strip("}").split()
    assert {"gcc", "python3-dev"} <= set(packages)
    assert service["environment"]["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert service["environment"].keys() > SERVICES["worker"]["environment"].keys()


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker/compose.yaml").read_text() + (ROOT / "docker/.env.example").read_text()
    assert "REDIS_PASSWORD:-" not in text
    assert "\nREDIS_PASSWORD=\n" in text


def test_the_folder_is_no_package() -> None:
    assert not (ROOT / "docker/__init__.py").exists()
