"""Push, SBOM, signature and verification with the real tools; and every way an image can be refused."""

import base64
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.images.supply_chain import (
    CheckedImage,
    Checks,
    RegistryLogin,
    Signer,
    SupplyChainError,
    cosign,
    inspection,
)
from components.images.supply_chain.tools import toolset
from components.settings import Require

from ..support.workspace import docker, missing_for_engine_tests
from .supply_chain import BASE, PASSWORD, REGISTRY_IMAGE, USER, Program, Registry

pytestmark = pytest.mark.engine

OFFLINE = Path("security/trivy-scan-offline.yml")


def _missing() -> str | None:
    if reason := missing_for_engine_tests():
        return reason
    with toolset(fetch=False) as bench:
        if missing := [tool for tool in ("trivy", "syft", "cosign") if bench.on_path(tool) is None]:
            return f"{', '.join(missing)} missing: run scripts/install-supply-chain-tools.sh"
    if shutil.which("pulumi") is None:
        return "the Pulumi command line is not installed"
    if subprocess.run(["docker", "image", "inspect", REGISTRY_IMAGE], capture_output=True, check=False).returncode:  # noqa: S607
        return "the stand-in registry is not built: run scripts/build-airgap-images.sh"
    return None


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, tools: None) -> Iterator[Registry]:  # noqa: ARG001 - on PATH
    if reason := _missing():
        pytest.skip(reason)
    started = Registry.start(tmp_path_factory.mktemp("registry"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Program]:
    made = Program.make(tmp_path_factory.mktemp("program"), registry)
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def running(program: Program) -> Program:
    """The first release, pushed, scanned, signed, verified, tagged and running."""
    result = program.up()
    assert result.code == 0, result.text
    return program


@pytest.fixture
def refused(running: Program) -> Iterator[Program]:
    """A program that is asked for something it must refuse; afterwards it runs what ran before."""
    before = running.running()
    yield running
    assert running.running() == before, "something was replaced"
    running.release("1.0.0")
    running.configure()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Checks:
    """Somebody with the registry's password and a key of their own."""
    folder = tmp_path_factory.mktemp("stranger")
    environment = os.environ | {"COSIGN_PASSWORD": "stranger"}
    with toolset(fetch=False) as bench:
        command = [str(bench.on_path("cosign")), "generate-key-pair"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return Checks(
        require=Require.ENFORCE,
        policy=OFFLINE,
        signer=Signer(key=str(folder / "cosign.key"), password="stranger"),
        login=RegistryLogin(address=registry.address, username=USER, password=PASSWORD),
    )


def pushed(registry: Registry, label: str) -> str:
    """Push an image past the platform and return its reference."""
    name = f"{registry.address}/slidegenie/backend:{label}"
    dockerfile = f"FROM {BASE}\nLABEL release={label}\nUSER 1000:1000\n"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=dockerfile, text=True, check=True)  # noqa: S607
    docker("login", "--username", USER, "--password", PASSWORD, registry.address)
    docker("push", "--quiet", name)
    docker("logout", registry.address)
    return f"{name}@{registry.digest(label)}"


def subject(reference: str) -> CheckedImage:
    name, _, digest = reference.partition("@")
    return CheckedImage(reference=f"{name.rpartition(':')[0]}@{digest}", pushed=True)


def own_key(program: Program) -> str:
    """Return the public key that is in the state for everybody to see."""
    state = json.loads(program.pulumi("stack", "export").out)["deployment"]["resources"]
    (key,) = (resource for resource in state if resource["type"] == "slidegenie:index:GeneratedKey")
    return str(key["outputs"]["public"])


def test_what_runs_is_the_digest_that_was_pushed_and_the_tags_name_it(running: Program, registry: Registry) -> None:
    assert running.image() == f"{registry.address}/slidegenie/backend@{registry.digest('latest')}"
    assert registry.digest("1.0.0") == registry.digest("latest")
    assert registry.tags() == {"candidate-latest", "latest", "1.0.0"}


def test_it_is_signed_and_its_sbom_attached_by_the_key_of_the_stack(
    running: Program, stranger: Checks, tmp_path: Path
) -> None:
    key = tmp_path / "stack.pub"
    key.write_text(own_key(running), encoding="utf-8")
    image = CheckedImage(reference=running.image(), pushed=True)

    replace(stranger, signer=Signer(key="generated", public_key=str(key))).verify(image)
    with toolset(fetch=False, login=stranger.login) as bench:
        attached = bench.run(
            "cosign",
            *("verify-attestation", "--key", str(key), "--insecure-ignore-tlog=true", "--type", "spdxjson"),
            image.reference,
        )
    statement = json.loads(base64.b64decode(json.loads(attached.splitlines()[0])["payload"]))
    assert statement["predicate"]["spdxVersion"].startswith("SPDX-2")
    assert {"libc6", "bash"} <= {package["name"] for package in statement["predicate"]["packages"]}
    with pytest.raises(SupplyChainError, match="is not signed by"):
        stranger.verify(image)


def test_nothing_changes_when_nothing_has_changed(running: Program) -> None:
    again = running.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")

    assert again.code == 0, again.text


def test_the_registrys_password_is_nowhere_to_be_read(running: Program) -> None:
    state = running.pulumi("stack", "export").out

    assert PASSWORD not in state
    assert not any(PASSWORD in file.read_text(errors="ignore") for file in running.root.glob("Pulumi.*"))


def test_an_unsigned_image_is_refused(refused: Program, registry: Registry) -> None:
    image = pushed(registry, "unsigned")
    refused.configure(backend={"image": image, "context": "", "release": "2.0.0"})

    result = refused.up()

    assert result.code != 0
    assert f"{subject(image).reference} is not signed by the key in the stack's state" in result.text
    assert "No container was replaced" in result.text


def test_an_image_signed_by_somebody_else_is_refused(refused: Program, registry: Registry, stranger: Checks) -> None:
    image = pushed(registry, "stranger")
    stranger.sign(subject(image))
    stranger.verify(subject(image))
    refused.configure(backend={"image": image, "context": "", "release": "2.0.0"})

    result = refused.up()

    assert result.code != 0
    assert f"{subject(image).reference} is not signed by the key in the stack's state" in result.text


def test_an_image_with_the_signature_of_another_one_is_refused(refused: Program, registry: Registry) -> None:
    good = registry.digest("latest")
    image = pushed(registry, "tampered")
    registry.copy_tag(f"sha256-{good.partition(':')[2]}", f"sha256-{subject(image).digest.partition(':')[2]}")
    refused.configure(backend={"image": image, "context": "", "release": "2.0.0"})

    result = refused.up()

    assert result.code != 0
    assert f"{subject(image).reference} is not signed by the key in the stack's state" in result.text


def test_an_image_with_an_attached_sbom_but_no_signature_is_refused(registry: Registry, stranger: Checks) -> None:
    image = subject(pushed(registry, "sbom-only"))
    with toolset(fetch=False, login=stranger.login) as bench:
        cosign.attach(bench, image, inspection.sbom(bench, image), stranger.signer)

    with pytest.raises(SupplyChainError, match="but no signature of the image"):
        stranger.verify(image)


def test_a_release_with_a_secret_in_a_layer_is_refused_by_name_and_place(refused: Program, registry: Registry) -> None:
    before = registry.digest("latest")
    # Made up here, so that no scanner of this repository finds it.
    token = "ghp_" + secrets.token_hex(18)
    refused.release("2.0.0", "COPY --chmod=0444 settings.ini /settings.ini")
    (refused.root / "app" / "settings.ini").write_text(f"token = {token}\n", encoding="utf-8")
    refused.configure()

    result = refused.up()

    assert result.code != 0
    assert "CRITICAL github-pat in /settings.ini" in result.text
    assert token not in result.text
    assert registry.digest("latest") == before
    assert "2.0.0" not in registry.tags()


def test_a_missing_tool_is_never_skipped_where_it_is_required(refused: Program, tmp_path: Path) -> None:
    for tool in ("pulumi", "docker", "python3", "git"):
        if found := shutil.which(tool):
            (tmp_path / tool).symlink_to(found)
    refused.release("2.0.0")
    refused.configure()

    result = refused.pulumi(
        "up", "--yes", "--skip-preview", PATH=f"{tmp_path}:/usr/bin:/bin", SLIDEGENIE_BIN=str(tmp_path)
    )

    assert result.code != 0
    assert "trivy is not on PATH" in result.text
    assert "run scripts/install-supply-chain-tools.sh trivy" in result.text


def test_a_third_party_image_must_carry_its_vendors_signature(
    refused: Program, registry: Registry, stranger: Checks
) -> None:
    key = stranger.signer.key.replace(".key", ".pub")
    image = pushed(registry, "vendor")
    chain = {"require": "enforce", "scanPolicy": str(OFFLINE), "vendors": {"redis": {"publicKey": key}}}
    refused.configure(images={"redis": image}, supplyChain=chain)

    unsigned = refused.up()
    stranger.sign(subject(image))
    signed = refused.up()

    assert unsigned.code != 0
    assert f"{subject(image).reference} is not signed by" in unsigned.text
    assert signed.code == 0, signed.text


def test_the_next_good_release_rolls_out(running: Program, registry: Registry) -> None:
    before = running.image()
    running.release("3.0.0")
    running.configure()

    result = running.up()

    assert result.code == 0, result.text
    assert running.image() == f"{registry.address}/slidegenie/backend@{registry.digest('3.0.0')}" != before
    # What ran before is still there to go back to.
    assert registry.digest("1.0.0") == before.partition("@")[2]
