"""The units and compose files: sealed as promised, and in keeping with the program."""

import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml

from mediaindex.clients.hosts import NEAR

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SYSTEM, USER = DEPLOY / "mediaindex.service", DEPLOY / "mediaindex-user.service"

EXPOSED_AT_MOST = 2.0
"""What `systemd-analyze security` may say, from 0 (sealed) to 10."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)


def keys(unit: Path) -> dict[str, list[str]]:
    """What a unit sets; a key that stands twice has two values."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if not line.startswith(("#", "[")) and "=" in line:
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}  # `--user` asks for one, and writes
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environ
    )


@needs_systemd
def test_the_service_is_sealed(tmp_path: Path) -> None:
    said = analyze(tmp_path, "security", "--offline=true", str(SYSTEM)).stdout

    overall = re.search(r"Overall exposure level for mediaindex\.service: ([0-9.]+)", said)
    assert overall, said
    assert float(overall[1]) <= EXPOSED_AT_MOST


@needs_systemd
@pytest.mark.parametrize(("unit", "manager"), [(SYSTEM, "--system"), (USER, "--user")])
def test_systemd_knows_every_key_and_value(unit: Path, manager: str, tmp_path: Path) -> None:
    # It also looks whether the program is there, which on this machine it is not.
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", unit.read_text(), flags=re.M)
    here = tmp_path / "mediaindex.service"
    here.write_text(text)

    result = analyze(tmp_path, "verify", "--man=no", manager, str(here))

    assert (result.returncode, result.stderr) == (0, "")


def test_its_folders_are_those_that_the_readme_names() -> None:
    unit = keys(SYSTEM)

    for key in ("StateDirectory", "CacheDirectory", "RuntimeDirectory", "ConfigurationDirectory"):
        assert unit[key] == ["mediaindex"]
    assert unit["RuntimeDirectoryMode"] == ["0750"]


def test_it_is_ended_watched_and_started_again() -> None:
    for unit in map(keys, (SYSTEM, USER)):
        assert unit["Type"] == ["notify"]
        assert unit["NotifyAccess"] == ["main"]
        assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
        assert unit["Restart"] == ["on-failure"]
        assert unit["OOMPolicy"] == ["continue"]
        assert int(unit["TimeoutStopSec"][0]) > 10
        assert int(unit["WatchdogSec"][0]) >= 30


def test_the_wall_around_the_house_is_that_of_the_program() -> None:
    unit = keys(SYSTEM)
    allowed = {ip_network(word) for line in unit["IPAddressAllow"] for word in line.split()}
    # "Any address" as a destination is this machine, and leaves it as 127.0.0.1 or ::1.
    near = {network for network in NEAR if not network.network_address.is_unspecified}

    assert unit["IPAddressDeny"] == ["any"]
    assert allowed == near


def test_only_its_own_folders_can_be_written() -> None:
    unit = keys(SYSTEM)

    assert unit["ProtectSystem"] == ["strict"]
    assert unit["ProtectHome"] == ["read-only"]
    assert "ReadWritePaths" not in unit


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("compose*.yaml")), ids=lambda file: file.name)
def test_compose_opens_no_port_to_the_network_and_pins_its_images(file: Path) -> None:
    services = yaml.safe_load(file.read_text())["services"]

    assert services
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        if "image" in service:
            tag = re.search(r":(?:\$\{\w+:-)?([\w.-]+)\}?$", service["image"])
            assert tag
            assert tag[1][0].isdecimal()
            assert service["healthcheck"]["test"][0] == "CMD"


def test_containers_see_photos_at_the_same_path_and_read_only() -> None:
    services = yaml.safe_load((DEPLOY / "compose.immich.yaml").read_text())["services"]

    (volume,) = services["immich-server"]["volumes"]
    outside, inside, mode = re.sub(r":\?[^}]*", "", volume).split(":")
    assert (outside, mode) == (inside, "ro")
