"""How the tools are found, started and believed: stand-ins on PATH write down what they were asked."""

import base64
import json
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.core.engine import DockerEngine
from components.images.supply_chain import (
    CheckedImage,
    Checks,
    RegistryLogin,
    Signer,
    SupplyChainError,
    ToolError,
    cosign,
    inspection,
    parse_policy,
    tools,
)
from components.images.supply_chain.tools import Toolset, UnsignedError, toolset
from components.settings import ImagesSettings, Require

DIGEST = "sha256:" + "a" * 64
IMAGE = CheckedImage(reference=f"registry.example.com/slidegenie/backend@{DIGEST}", pushed=True)
LOCAL = CheckedImage(reference="sha256:" + "b" * 64, pushed=False)
SIGNED = {"critical": {"type": "https://sigstore.dev/cosign/sign/v1", "image": {"docker-manifest-digest": DIGEST}}}

StandIn = Callable[[str, str], None]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("SLIDEGENIE_BIN", str(folder))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return folder


@pytest.fixture
def stand_in(programs: Path) -> StandIn:
    """Put a program on PATH that notes its arguments and then runs a line of shell."""

    def put(name: str, line: str) -> None:
        file = programs / name
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{programs}/{name}.log\n{line}\n', encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return put


@pytest.fixture
def bench(programs: Path) -> Iterator[Toolset]:  # noqa: ARG001 - sets PATH
    with toolset(fetch=False) as opened:
        yield opened


def asked(programs: Path, name: str) -> list[str]:
    return (programs / f"{name}.log").read_text(encoding="utf-8").splitlines()


_NOTE_HOST = 'echo "$DOCKER_HOST" >>"${0%/*}/hosts.log"'
TRIVY = """
case $1 in --version) echo '{"Version":"VERSION"}'; exit;; esac
while [ $# -gt 0 ]; do if [ "$1" = --output ]; then echo "{\\"SchemaVersion\\":2$found}" >"$2"; fi; shift; done
"""


def test_an_image_of_a_registry_is_scanned_there(programs: Path, stand_in: StandIn, bench: Toolset) -> None:
    stand_in("trivy", TRIVY.replace("VERSION", "0.69.3"))

    assert inspection.scan(bench, IMAGE, parse_policy({}, "policy")) == {"SchemaVersion": 2}
    assert asked(programs, "trivy")[1] == (
        f"image --format json --output {bench.folder}/trivy.json --quiet --no-progress"
        " --scanners vuln,secret,misconfig --image-config-scanners secret,misconfig"
        f" --image-src remote {IMAGE.reference}"
    )


def test_without_the_database_nothing_is_fetched(programs: Path, stand_in: StandIn, bench: Toolset) -> None:
    stand_in("trivy", TRIVY.replace("VERSION", "0.69.3"))
    stand_in("docker", ":")

    inspection.scan(bench, LOCAL, parse_policy({"scanners": ["secret"]}, "policy"))

    assert (
        "--scanners secret --image-config-scanners secret --offline-scan --skip-check-update --input"
        in (asked(programs, "trivy")[1])
    )
    assert asked(programs, "docker") == [f"save --output {bench.folder}/image.tar {LOCAL.reference}"]


@pytest.mark.parametrize("version", ["0.69.4", "0.69.5", "0.69.6", "v0.69.4"])
def test_a_malicious_trivy_is_refused(stand_in: StandIn, bench: Toolset, version: str) -> None:
    stand_in("trivy", TRIVY.replace("VERSION", version))

    with pytest.raises(ToolError, match=rf"trivy {version} is a malicious release \(CVE-2026-33634\)"):
        inspection.scan(bench, IMAGE, parse_policy({}, "policy"))


def test_one_that_can_be_told_by_what_is_in_it_is_not_even_started(
    programs: Path, stand_in: StandIn, bench: Toolset
) -> None:
    stand_in("trivy", "# -X github.com/aquasecurity/trivy/pkg/version/app.ver=0.69.5\necho started")

    with pytest.raises(ToolError, match="CVE-2026-33634"):
        inspection.scan(bench, IMAGE, parse_policy({}, "policy"))
    assert not (programs / "trivy.log").exists()


@pytest.mark.parametrize("answer", ["trivy 0.69.3", "{}", "[]"])
def test_a_trivy_that_hides_its_version_is_refused(stand_in: StandIn, bench: Toolset, answer: str) -> None:
    stand_in("trivy", f"echo '{answer}'")

    with pytest.raises(ToolError, match="does not tell its version"):
        inspection.scan(bench, IMAGE, parse_policy({}, "policy"))


@pytest.mark.parametrize("pinned", ["", f"@{DIGEST}"])
def test_a_malicious_trivy_in_an_image_is_not_even_started(
    programs: Path, stand_in: StandIn, bench: Toolset, monkeypatch: pytest.MonkeyPatch, pinned: str
) -> None:
    stand_in("docker", ":")
    monkeypatch.setattr(tools, "third_party", lambda _: f"ghcr.io/aquasecurity/trivy:v0.69.5{pinned}")

    with pytest.raises(ToolError, match=r"trivy 0\.69\.5 is a malicious release"):
        inspection.scan(bench, IMAGE, parse_policy({}, "policy"))
    assert not (programs / "docker.log").exists()


def test_the_environment_does_not_bend_the_policy(
    stand_in: StandIn, bench: Toolset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRIVY_SEVERITY", "TRIVY_IGNOREFILE", "TRIVY_DB_REPOSITORY", "TRIVY_CACHE_DIR"):
        monkeypatch.setenv(name, "of the user")
    stand_in("trivy", "export -p >environment" + TRIVY.replace("VERSION", "0.69.3"))
    inspection.scan(bench, IMAGE, parse_policy({}, "policy"))

    environment = (bench.folder / "environment").read_text(encoding="utf-8")
    assert set(re.findall(r"TRIVY_\w+(?==.of the user)", environment)) == {"TRIVY_DB_REPOSITORY", "TRIVY_CACHE_DIR"}


def test_a_tool_in_a_container_reaches_what_a_program_would(
    programs: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authorities = tmp_path / "own.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", "mirror.example.com/trivy-db")
    monkeypatch.setenv("TRIVY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy:3128")
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    stand_in("docker", ":")
    with toolset(fetch=False, images=ImagesSettings(mirror="mirror.example.com")) as bench:
        inspection.sbom(bench, IMAGE)
    inspect, run = asked(programs, "docker")

    assert inspect.startswith("image inspect mirror.example.com/anchore/syft:")
    assert f"--volume={authorities}:{bench.folder}/authorities.pem:ro" in run
    assert f"--env=SSL_CERT_FILE={bench.folder}/authorities.pem" in run
    assert f"--env=TRIVY_CACHE_DIR={tmp_path}/cache" in run
    assert {"--env=TRIVY_DB_REPOSITORY", "--env=https_proxy"} <= set(run.split())
    assert "secret" not in run
    assert "HTTPS_PROXY" not in run


def test_a_missing_tool_says_how_to_get_it(bench: Toolset) -> None:
    with pytest.raises(ToolError) as raised:
        inspection.sbom(bench, IMAGE)

    assert str(raised.value).startswith("syft is not on PATH and ghcr.io/anchore/syft:")
    assert "run scripts/install-supply-chain-tools.sh syft, or `docker pull ghcr.io/anchore/syft:" in str(raised.value)


def test_a_tool_that_fails_says_its_last_words(stand_in: StandIn, bench: Toolset) -> None:
    stand_in("syft", "echo no such image >&2; exit 3")

    with pytest.raises(ToolError, match=r"^syft failed: no such image$"):
        inspection.sbom(bench, IMAGE)


def test_without_a_program_the_image_on_the_engine_is_used_and_nothing_is_pulled(
    programs: Path, stand_in: StandIn, bench: Toolset
) -> None:
    stand_in("docker", ":")

    inspection.sbom(bench, IMAGE)

    inspect, run = asked(programs, "docker")
    assert inspect.startswith("image inspect ghcr.io/anchore/syft:")
    assert run.startswith("run --rm --network=host --user=")
    assert f"--volume={bench.folder}:{bench.folder}" in run
    assert "docker.sock" not in run


def test_an_image_of_a_tool_is_pulled_only_where_the_tool_is_required(programs: Path, stand_in: StandIn) -> None:
    stand_in("docker", '[ "$1" != image ]')
    with toolset(fetch=False) as lenient, pytest.raises(ToolError, match="is not on the engine"):
        inspection.sbom(lenient, IMAGE)
    with toolset(fetch=True) as strict:
        inspection.sbom(strict, IMAGE)

    assert [line.split()[0] for line in asked(programs, "docker")] == ["image", "image", "pull", "run"]


def test_a_password_is_never_among_the_arguments(programs: Path, stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("docker", ":")
    key = tmp_path / "cosign.key"
    key.write_text("key", encoding="utf-8")
    with toolset(fetch=True, login=RegistryLogin(address="here", username="me", password="registry-secret")) as bench:
        cosign.sign(bench, IMAGE, Signer(key=str(key), password="key-secret"))

    assert not any("secret" in line for line in asked(programs, "docker"))


def test_the_login_is_beside_the_users_own_and_gone_afterwards(programs: Path, tmp_path: Path) -> None:  # noqa: ARG001
    own = tmp_path / "docker"
    own.mkdir()
    written = {"auths": {"other": {}}, "credsStore": "desktop", "credHelpers": {"here": "own", "there": "own"}}
    (own / "config.json").write_text(json.dumps(written), encoding="utf-8")
    with toolset(fetch=False, login=RegistryLogin(address="here", username="me", password="secret")) as bench:
        config = json.loads((bench.folder / "docker" / "config.json").read_text(encoding="utf-8"))
        assert config["auths"] == {"other": {}, "here": {"auth": base64.b64encode(b"me:secret").decode()}}
        # Docker reads an empty name as: from this file.
        assert config["credHelpers"] == {"here": "", "there": "own"}
        assert config["credsStore"] == "desktop", "other registries are asked as ever"
        assert (bench.folder.stat().st_mode & 0o777) == 0o700
    assert not bench.folder.exists()
    assert "secret" not in (own / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_the_login_of_docker_hub_is_where_every_tool_looks_for_it(address: str, programs: Path, tmp_path: Path) -> None:  # noqa: ARG001
    own, looked_up = tmp_path / "docker", "https://index.docker.io/v1/"
    own.mkdir()
    written = {"auths": {looked_up: {"auth": "theirs"}}, "credHelpers": {looked_up: "own"}}
    (own / "config.json").write_text(json.dumps(written), encoding="utf-8")
    with toolset(fetch=False, login=RegistryLogin(address=address, username="me", password="secret")) as bench:
        config = json.loads((bench.folder / "docker" / "config.json").read_text(encoding="utf-8"))
    entry = {"auth": base64.b64encode(b"me:secret").decode()}
    assert config == {"auths": {looked_up: entry, address: entry}, "credHelpers": {looked_up: "", address: ""}}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", r"is not JSON \("), (b"\xff", r"is not JSON \("), (b"[]", "is no Docker configuration: ")],
)
def test_a_broken_docker_configuration_is_named(tmp_path: Path, programs: Path, content: bytes, said: str) -> None:  # noqa: ARG001
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_bytes(content)
    with pytest.raises(ToolError, match=rf"/docker/config\.json {said}"), toolset(fetch=False):
        pass


def test_a_key_signs_without_any_public_service(
    programs: Path, stand_in: StandIn, bench: Toolset, tmp_path: Path
) -> None:
    key = tmp_path / "cosign.key"
    key.write_text("key", encoding="utf-8")
    stand_in("cosign", ":")

    cosign.sign(bench, IMAGE, Signer(key=str(key)))

    assert asked(programs, "cosign") == [
        (
            f"sign --yes --recursive --key {bench.folder}/given-cosign.key --signing-config"
            f" {bench.folder}/signing-config.json --trusted-root {bench.folder}/trusted-root.json {IMAGE.reference}"
        )
    ]
    assert json.loads((bench.folder / "signing-config.json").read_text())["rekorTlogConfig"] == {}


def test_keyless_goes_by_identity_and_issuer(programs: Path, stand_in: StandIn, bench: Toolset) -> None:
    stand_in("cosign", f"echo '{json.dumps([SIGNED])}'")
    signer = Signer(key="keyless", identity="https://ci.example.com/release", issuer="https://tokens.example.com")

    cosign.sign(bench, IMAGE, signer)
    cosign.verify(bench, IMAGE, signer)

    assert asked(programs, "cosign") == [
        f"sign --yes --recursive {IMAGE.reference}",
        (
            "verify --output json --certificate-identity https://ci.example.com/release"
            f" --certificate-oidc-issuer https://tokens.example.com {IMAGE.reference}"
        ),
    ]


def test_a_key_in_a_kms_is_named_and_never_copied(programs: Path, stand_in: StandIn, bench: Toolset) -> None:
    stand_in("cosign", f"echo '{json.dumps([SIGNED])}'")

    cosign.verify(bench, IMAGE, Signer(key="awskms:///alias/slidegenie"))

    assert asked(programs, "cosign") == [
        f"verify --output json --key awskms:///alias/slidegenie --insecure-ignore-tlog=true {IMAGE.reference}"
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "carries statements of the key k, but no signature of the image"),
        ([{"critical": SIGNED["critical"] | {"type": "https://spdx.dev/Document"}}], "but no signature of the image"),
        (
            [{"critical": SIGNED["critical"] | {"image": {"docker-manifest-digest": "sha256:" + "c" * 64}}}],
            "but no signature of the image",
        ),
        ([{}], "cosign's answer cannot be read"),
        (None, "cosign's answer cannot be read"),
    ],
)
def test_only_a_signature_of_this_digest_counts(
    stand_in: StandIn, bench: Toolset, tmp_path: Path, answer: Any, said: str
) -> None:
    public = tmp_path / "k"
    public.write_text("key", encoding="utf-8")
    stand_in("cosign", f"echo '{json.dumps(answer)}'")
    with pytest.raises(SupplyChainError, match=said.replace("the key k", f"the key {public}")):
        cosign.verify(bench, IMAGE, Signer(key="generated", public_key=str(public)))


def test_a_signature_of_cosign_2_counts(stand_in: StandIn, bench: Toolset) -> None:
    older = {"critical": SIGNED["critical"] | {"type": "cosign container image signature"}}
    stand_in("cosign", f"echo '{json.dumps([older])}'")

    cosign.verify(bench, IMAGE, Signer(key="awskms:///alias/slidegenie"))


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("echo no signatures found >&2; exit 10", True),
        ("echo no matching signatures >&2; exit 12", True),
        ("echo 'Error: no matching attestations: wrong key' >&2; seq 9 >&2; exit 1", True),
        ("echo UNAUTHORIZED >&2; exit 1", False),
        ("echo no route to host >&2; exit 1", False),
    ],
)
def test_an_answer_that_could_not_be_had_is_no_refusal(
    stand_in: StandIn, bench: Toolset, monkeypatch: pytest.MonkeyPatch, line: str, refused: bool
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
    stand_in("cosign", line)
    with pytest.raises(SupplyChainError) as raised:
        cosign.verify(bench, IMAGE, Signer(key="awskms:///alias/slidegenie"))

    assert isinstance(raised.value, UnsignedError) is refused
    assert ("could not be found out" in str(raised.value)) is not refused


ARM = "sha256:" + "c" * 64
LIST = {
    "manifests": [
        {"digest": "sha256:" + "b" * 64, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": ARM, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": "sha256:" + "d" * 64, "platform": {"os": "unknown", "architecture": "unknown"}},
    ]
}
REPOSITORY = "registry.example.com/slidegenie/backend"
A_SECRET = ',"Results":[{"Target":"/k","Secrets":[{"RuleID":"aws","Severity":"CRITICAL","Title":"a key"}]}]'


def test_every_platform_is_scanned_and_gets_its_own_sbom(programs: Path, stand_in: StandIn, tmp_path: Path) -> None:
    policy, key = tmp_path / "policy.yml", tmp_path / "cosign.key"
    policy.write_text("scanners: [secret]", encoding="utf-8")
    key.write_text("key", encoding="utf-8")
    stand_in("docker", f"echo '{json.dumps(LIST)}'")
    stand_in(
        "trivy",
        f"for last; do :; done; case $last in *{ARM}) found='{A_SECRET}';; esac" + TRIVY.replace("VERSION", "0.69.3"),
    )
    stand_in("syft", ":")
    stand_in("cosign", ":")
    checks = Checks(require=Require.ENFORCE, policy=policy, signer=Signer(key=str(key)))

    with pytest.raises(SupplyChainError) as raised:
        checks.scan(IMAGE)
    checks.sign(IMAGE)

    images = [f"{REPOSITORY}@{entry['digest']}" for entry in LIST["manifests"][:2]]
    assert [line.split()[-1] for line in asked(programs, "trivy") if line.startswith("image")] == images
    assert str(raised.value).startswith(f"{images[1]} (linux/arm64/v8) was refused by the scan (1 stopping")
    assert images[0] not in str(raised.value)
    assert [line.split()[1] for line in asked(programs, "syft")] == [f"registry:{image}" for image in images]
    said = [(line.split()[0], line.split()[-1]) for line in asked(programs, "cosign")]
    assert said == [("attest", images[0]), ("attest", images[1]), ("sign", IMAGE.reference)]
    assert "--recursive" in asked(programs, "cosign")[-1]


def test_an_image_for_one_platform_is_looked_at_as_it_is(stand_in: StandIn, bench: Toolset) -> None:
    stand_in("docker", """echo '{"layers": []}'""")

    assert IMAGE.images(bench) == (IMAGE,)
    assert LOCAL.images(bench) == (LOCAL,)


@pytest.mark.parametrize("answer", ["oops", "[]", '{"manifests": [{}]}', '{"manifests": []}'])
def test_a_list_that_cannot_be_read_is_never_taken_for_a_clean_one(
    stand_in: StandIn, bench: Toolset, answer: str
) -> None:
    stand_in("docker", f"echo '{answer}'")
    with pytest.raises(ToolError, match="push the image anew"):
        IMAGE.images(bench)


@pytest.mark.parametrize("reference", ["backend:latest", f"backend@{DIGEST}0", f"backend:{DIGEST[7:]}", "backend@"])
def test_what_has_no_digest_is_neither_signed_nor_verified(stand_in: StandIn, bench: Toolset, reference: str) -> None:
    stand_in("cosign", "exit 1")
    for step in (cosign.sign, cosign.verify):
        with pytest.raises(SupplyChainError, match="has no digest"):
            step(bench, CheckedImage(reference=reference, pushed=True), Signer(key="keyless"))


def test_a_missing_key_file_is_named(bench: Toolset) -> None:
    with pytest.raises(SupplyChainError, match=r"the key /none/cosign\.key cannot be read \(No such file"):
        cosign.sign(bench, IMAGE, Signer(key="/none/cosign.key"))


def test_tags_are_put_on_the_digest_itself(programs: Path, stand_in: StandIn) -> None:
    stand_in("docker", _NOTE_HOST)
    engine = DockerEngine(address="ssh://there", said_by="the stack")
    checks = Checks(require=Require.ENFORCE, policy=Path("none"), signer=Signer(key="keyless"), engine=engine)

    checks.tag(IMAGE, ("latest", "1.2.3"))

    repository = "registry.example.com/slidegenie/backend"
    tags = f"--tag {repository}:latest --tag {repository}:1.2.3"
    assert asked(programs, "docker") == [f"buildx imagetools create --prefer-index=false {tags} {IMAGE.reference}"]
    assert asked(programs, "hosts") == ["ssh://there"]


def test_images_come_from_the_engine_and_a_tool_in_a_container_runs_where_its_files_are(
    programs: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://there")
    stand_in("docker", _NOTE_HOST)
    with toolset(fetch=False) as bench:
        inspection.sbom(bench, LOCAL)

    commands = [line.split()[0] for line in asked(programs, "docker")]
    where = dict(zip(commands, asked(programs, "hosts"), strict=True))
    here = "unix:///var/run/docker.sock"
    assert where == {"image": here, "save": "ssh://there", "run": here}


def test_nothing_secret_shows_when_it_is_printed() -> None:
    shown = (
        f"{RegistryLogin(address='a', username='u', password='secret')} {Signer(key='generated', generated='secret')}"
    )

    assert "secret" not in shown


def test_the_tools_ask_nobody_for_news(stand_in: StandIn, bench: Toolset) -> None:
    stand_in("syft", "export -p >environment")
    inspection.sbom(bench, IMAGE)

    environment = (bench.folder / "environment").read_text(encoding="utf-8")
    assert re.search("SYFT_CHECK_FOR_APP_UPDATE=.?false", environment)
    assert re.search("TRIVY_SKIP_VERSION_CHECK=.?true", environment)


def test_a_tool_that_hangs_is_given_up(stand_in: StandIn, bench: Toolset, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("syft", ":")

    def hangs(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("syft", 900)

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(ToolError, match="syft did not end within 900 s"):
        inspection.sbom(bench, IMAGE)
