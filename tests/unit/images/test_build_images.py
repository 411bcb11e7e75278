"""The command that builds images: what it chooses, what it refuses, what it tells buildx."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.core.git import UNKNOWN_VERSION, git_version
from components.images.image import BuiltImageArgs
from components.images.supply_chain import ToolError
from components.images.variants import VARIANTS
from components.settings import BuildCache, parse_settings
from slidegenie.__main__ import main
from slidegenie.commands import images as commands
from slidegenie.console import Problem
from slidegenie.images import buildx
from slidegenie.images.build import BuiltVariant, Inspection, digests
from slidegenie.images.build_run import BuildOptions
from slidegenie.images.buildx import Builder
from slidegenie.images.git import git_origin

OWN = Builder("default", own=True, platforms=frozenset({"linux/amd64"}))
OTHER = Builder("multi", own=False, platforms=frozenset({"linux/amd64", "linux/arm64"}))
BUILD = BuiltImageArgs(
    tag="slides:latest",
    further_tags=("slides:1.0",),
    context="docker/backend",
    dockerfile="docker/backend/debian.Dockerfile",
    target="production",
    build_args={"VERSION": "1.0"},
    ca_bundle="/etc/own.pem",
)
DIGEST = "sha256:" + "b" * 64

Calls = list[list[str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Take the place of buildx, note what it is told, and succeed as it does."""
    told: Calls = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        told.append(command)
        if "--metadata-file" in command:
            metadata = Path(command[command.index("--metadata-file") + 1])
            metadata.write_text(json.dumps({"containerimage.digest": DIGEST}), encoding="utf-8")
        return subprocess.CompletedProcess(command, 0, stdout="sha256:loaded\n", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return told


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BuildOptions]:
    """What is built, in place of a build."""
    builds: list[BuildOptions] = []
    monkeypatch.setattr(commands, "build", lambda _root, options: builds.append(options))
    return builds


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([], "latest dev test"),
        (["--alpine"], "alpine alpine-dev alpine-test"),
        (["--minimal"], "minimal"),
        (["--alpine", "--minimal"], "alpine alpine-dev alpine-test minimal"),
        (["--all"], "latest dev test alpine alpine-dev alpine-test minimal"),
    ],
)
def test_options_choose_images_and_the_table_their_order(
    options: list[str], chosen: str, asked: list[BuildOptions]
) -> None:
    assert main(["build-images", *options]) == 0
    assert " ".join(variant.name for variant in asked[0].variants()) == chosen


def test_a_loaded_image_is_built_for_this_machine_with_all_its_tags(calls: Calls) -> None:
    assert OWN.load(BUILD, [], no_cache=False) == "sha256:loaded"

    assert calls[0] == [
        *("docker", "buildx", "build", "--builder", "default", "--file", "docker/backend/debian.Dockerfile"),
        *("--build-arg", "VERSION=1.0", "--load", "--tag", "slides:latest", "--tag", "slides:1.0"),
        *("--provenance=false", "--sbom=false", "--target", "production"),
        *("--secret", "id=ca_bundle,src=/etc/own.pem", "docker/backend"),
    ]


def test_a_pushed_image_goes_by_digest_and_without_a_name_anybody_uses(calls: Calls) -> None:
    assert OTHER.push(BUILD, "ghcr.io/acme/slides", ["linux/amd64", "linux/arm64"], no_cache=True) == (
        f"ghcr.io/acme/slides@{DIGEST}"
    )
    (command,) = calls

    assert "--tag" not in command
    assert "push-by-digest=true" in command[command.index("--output") + 1]
    assert "rewrite-timestamp=true" in command[command.index("--output") + 1]
    assert command[command.index("--platform") + 1] == "linux/amd64,linux/arm64"
    assert "--no-cache" in command


def test_the_engines_own_builder_pushes_a_candidate(calls: Calls) -> None:
    assert OWN.push(BUILD, "ghcr.io/acme/slides", ["linux/amd64"], no_cache=False).endswith(f"@{DIGEST}")

    assert calls[0][calls[0].index("--tag") + 1] == "ghcr.io/acme/slides:candidate-latest"
    assert "--output" not in calls[0]


@pytest.mark.parametrize(
    ("cache", "options"),
    [
        (BuildCache.OFF, []),
        (
            BuildCache.INLINE,
            ["--cache-from", "type=registry,ref=ghcr.io/acme/slides:latest", "--cache-to", "type=inline"],
        ),
        (
            BuildCache.REGISTRY,
            [
                *("--cache-from", "type=registry,ref=ghcr.io/acme/slides:cache-latest"),
                *("--cache-to", "type=registry,ref=ghcr.io/acme/slides:cache-latest,mode=max"),
            ],
        ),
    ],
)
def test_layers_come_from_where_another_machine_left_them(calls: Calls, cache: BuildCache, options: list[str]) -> None:
    OTHER.push(BUILD, "ghcr.io/acme/slides", ["linux/amd64"], no_cache=False, cache=cache)
    (command,) = calls

    given = [at for at, word in enumerate(command) if word.startswith("--cache")]
    assert [word for at in given for word in command[at : at + 2]] == options


def test_a_cache_that_the_builder_cannot_write_is_refused_first() -> None:
    with pytest.raises(Problem, match=r"cache 'registry' is more than builder 'default' can: give --cache inline, or"):
        OWN.check([], push=True, cache=BuildCache.REGISTRY)
    OWN.check([], push=True, cache=BuildCache.INLINE)
    OTHER.check([], push=True, cache=BuildCache.REGISTRY)


def test_a_build_that_fails_names_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(Problem, match="slides:latest could not be built"):
        OWN.load(BUILD, [], no_cache=False)


@pytest.mark.parametrize(
    ("builder", "platforms", "push", "said"),
    [
        (OTHER, ["linux/amd64", "linux/arm64"], False, "can only be pushed: add --push, or name one"),
        (OWN, ["linux/amd64", "linux/arm64"], True, "builder 'default' builds for one platform"),
        (OWN, ["linux/riscv64"], False, "linux/riscv64 cannot be built here: builder 'default' builds linux/amd64;"),
    ],
)
def test_platforms_that_cannot_be_built_are_refused_first(
    builder: Builder, platforms: list[str], push: bool, said: str
) -> None:
    with pytest.raises(Problem, match=said):
        builder.check(platforms, push=push)


def test_platforms_that_can_be_built_pass() -> None:
    OTHER.check(["linux/amd64", "linux/arm64"], push=True)
    OWN.check(["linux/amd64"], push=True)
    OWN.check([], push=False)


def test_a_builder_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Name: multi\nDriver:        docker-container\n\nNodes:\nPlatforms: linux/amd64*, linux/arm64\n"
    done = subprocess.CompletedProcess(["docker"], 0, stdout=said, stderr="")
    monkeypatch.setattr(buildx, "plugin", lambda _: True)
    monkeypatch.setattr(buildx, "docker", lambda *_, **__: done)

    assert Builder.find("multi") == OTHER


def test_without_buildx_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "plugin", lambda _: False)
    with pytest.raises(Problem, match=r"run scripts/install-docker-plugins.sh buildx"):
        Builder.find("default")


def answering(problem: Exception | None) -> Callable[..., Any]:
    class Answer:
        def close(self) -> None:
            pass

    def urlopen(*_: object, **__: object) -> Answer:
        if problem:
            raise problem
        return Answer()

    return urlopen


@pytest.mark.parametrize(
    ("problem", "reachable_"),
    [
        (None, True),
        (urllib.error.HTTPError("https://ghcr.io/v2/", 401, "who are you", None, None), True),  # type: ignore[arg-type]
        (urllib.error.URLError(OSError("no route")), False),
        (TimeoutError("timed out"), False),
    ],
)
def test_a_registry_that_answers_anything_is_there(
    monkeypatch: pytest.MonkeyPatch, problem: Exception | None, reachable_: bool
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", answering(problem))
    if reachable_:
        buildx.check_registry("ghcr.io/acme/slides")
    else:
        with pytest.raises(Problem, match=r"the registry ghcr.io does not answer \(.*\); nothing was built: check -r"):
            buildx.check_registry("ghcr.io/acme/slides")


@pytest.mark.parametrize(
    ("repository", "asked"),
    [
        ("slidegenie/backend", "https://registry-1.docker.io/v2/"),
        ("ghcr.io/acme/slides", "https://ghcr.io/v2/"),
        ("localhost:5000/slides", "http://localhost:5000/v2/"),
    ],
)
def test_the_registry_of_a_name_is_asked(monkeypatch: pytest.MonkeyPatch, repository: str, asked: str) -> None:
    urls: list[str] = []
    answer = answering(None)

    def urlopen(url: str, **_: object) -> object:
        urls.append(url)
        return answer()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    buildx.check_registry(repository)

    assert urls == [asked]


@pytest.mark.parametrize(
    ("scan", "there", "scanned", "why"),
    [
        (None, True, True, None),
        (None, False, False, "no: trivy is not on PATH"),
        (True, False, True, None),
        (False, True, False, "no: --no-scan"),
    ],
)
def test_a_scan_happens_where_it_can_and_always_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scan: bool | None, there: bool, scanned: bool, why: str | None
) -> None:
    if there:
        # Where scripts/install-supply-chain-tools.sh puts it, on nobody's PATH.
        (tmp_path / "trivy").touch(0o755)
    monkeypatch.setenv("SLIDEGENIE_BIN", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    inspection = Inspection.of(parse_settings({}, "here"), scan=scan, sign=False, key=None)

    assert inspection.scan is scanned
    assert why is None or inspection.unscanned == why


def test_a_signature_needs_a_key_that_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse_settings({}, "here")
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    with pytest.raises(Problem, match="--sign needs a key that is not in a stack's state"):
        Inspection.of(settings, scan=False, sign=True, key=None)

    signer = Inspection.of(settings, scan=False, sign=True, key="/keys/cosign.key").checks.signer
    assert (signer.key, signer.password) == ("/keys/cosign.key", "secret")


def test_keyless_needs_to_know_whose_signature_counts() -> None:
    with pytest.raises(Problem, match="--sign --key keyless needs to know whose signature counts"):
        Inspection.of(parse_settings({}, "here"), scan=False, sign=True, key="keyless")

    named = {"key": "keyless", "identity": "https://ci.example.com", "issuer": "https://tokens.example.com"}
    signer = Inspection.of(parse_settings({"supplyChain": named}, "x"), scan=False, sign=True, key=None).checks.signer
    assert signer.identity == "https://ci.example.com"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("cosign.key", "{here}/cosign.key"),
        ("/keys/cosign.key", "/keys/cosign.key"),
        ("keyless", "keyless"),
        ("awskms:///alias/slidegenie", "awskms:///alias/slidegenie"),
    ],
)
def test_a_key_is_looked_for_where_the_command_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, key: str, asked: list[BuildOptions]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["build-images", "--key", given]) == 0
    monkeypatch.setenv("COSIGN_KEY", given)
    assert main(["build-images"]) == 0
    assert [options.key for options in asked] == [key.format(here=tmp_path)] * 2


def test_tools_are_asked_for_before_anything_is_built() -> None:
    settings = parse_settings({}, "here")

    assert Inspection.of(settings, scan=True, sign=True, key="/k").tools == ("trivy", "syft", "cosign")
    assert Inspection.of(settings, scan=False, sign=False, key=None).tools == ()


def test_a_missing_tool_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("SLIDEGENIE_BIN", "/nowhere")
    checks = Inspection.of(parse_settings({}, "here"), scan=True, sign=False, key=None).checks

    with pytest.raises(ToolError, match=r"run scripts/install-supply-chain-tools\.sh trivy, or"):
        checks.need("trivy")


def repository(folder: Path, remote: str) -> Path:
    """Make a repository with one commit of a known date."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "origin", remote],
        [*who, "commit", "--quiet", "--allow-empty", "--message", "one", "--date", "2026-01-31T12:00:00Z"],
        [*who, "tag", "1.4.0"],
    ):
        environment = {"GIT_COMMITTER_DATE": "2026-01-31T12:00:00Z", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)  # noqa: S607 - any Git will do
    return folder


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://user:token@git.example.com/acme/slides.git?x=1", "https://git.example.com/acme/slides.git"),
        ("git@git.example.com:acme/slides.git", None),
    ],
)
def test_git_says_where_an_image_comes_from_and_no_token(tmp_path: Path, remote: str, source: str | None) -> None:
    origin = git_origin(repository(tmp_path, remote))

    assert origin.source == source
    assert origin.revision is not None
    assert len(origin.revision) == 40
    assert origin.build_args()["CREATED"] == "2026-01-31T12:00:00Z"
    assert git_version(tmp_path) == "1.4.0"


def test_without_git_nothing_is_claimed(tmp_path: Path) -> None:
    assert git_origin(tmp_path).build_args() == {}
    assert git_version(tmp_path) == UNKNOWN_VERSION


@pytest.mark.parametrize(
    ("registry", "why"),
    [
        (
            "ghcr.io/Acme",
            "'Acme/backend' is no path: lower-case letters and digits, with single dots, dashes and underscores",
        ),
        ("ghcr.io//acme", "'/acme/backend' is no path: "),
        ("ghcr.io:70000/acme", "port 70000 is not between 1 and 65535"),
    ],
)
def test_a_name_that_no_registry_takes_is_refused_before_anything_is_built(
    registry: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build-images", "-r", registry, "-v", "1.4.0"]) == 1
    said = capsys.readouterr().err
    assert "-r and -n must make the name of an image, such as ghcr.io/acme and backend; got " in said
    assert why in said


def test_the_digests_are_lines_as_sha256sum_writes_them_of_what_is_in_a_registry() -> None:
    def built(reference: str, *, pushed: bool) -> BuiltVariant:
        return BuiltVariant(variant=VARIANTS[0], reference=reference, pushed=pushed, scan="", signature="")

    made = [built(f"registry.example:5000/acme/backend@{DIGEST}", pushed=True), built(DIGEST, pushed=False)]
    assert digests(made) == f"{'b' * 64}  registry.example:5000/acme/backend\n"


def test_digests_without_a_registry_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-images", "--digests", "images.sha256"]) == 1
    assert "--digests needs --push" in capsys.readouterr().err
