"""The services of one host: reached from that host only, without a secret in the file, healthy before they are used."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "compose"
TEXT = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
KEYS = {
    "restart",
    "read_only",
    "tmpfs",
    "cap_drop",
    "cap_add",
    "security_opt",
    "image",
    "user",
    "entrypoint",
    "command",
}
KEYS |= {"environment", "ports", "volumes", "depends_on", "healthcheck", "mem_limit"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_hardened_checked_and_reached_from_this_host_only(service: str) -> None:
    content = SERVICES[service]
    assert set(content) <= KEYS, "misspelt, or new to this test"
    assert content["read_only"] and content["cap_drop"] == ["ALL"] and content["mem_limit"]
    assert content["security_opt"] == ["no-new-privileges:true"]
    assert content["healthcheck"]["test"]
    assert re.search(r":[^/:]+$", content["image"]) and not content["image"].endswith(":latest")
    assert all(port.startswith("127.0.0.1:") for port in content.get("ports", ()))
    assert all(volume.partition(":")[0] in COMPOSE["volumes"] for volume in content.get("volumes", ()))


def test_secrets_come_from_a_file_that_is_not_committed() -> None:
    example = dict(re.findall(r"^(\w+)=(.*)$", (FOLDER / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == set(example)
    assert set(example.values()) == {""}
    for service in SERVICES.values():
        for variable, value in service["environment"].items():
            assert value.startswith("${") or not re.search(r"PASSWORD|SECRET|ACCESS_KEY", variable)
    subprocess.run(["git", "check-ignore", "--quiet", "infra/compose/.env"], cwd=ROOT, check=True)
