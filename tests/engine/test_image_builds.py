"""Building images: what stays out of them, the same twice, pushed under the right names, and mistakes in one line."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from components.core.certificates import elliptic_key
from components.images.backend_image import BackendImageArgs, backend_build
from components.images.image import BuiltImageArgs
from components.images.variants import VARIANTS, ImageVariant
from components.settings import ImagesSettings, OriginSettings
from slidegenie.images.buildx import Builder
from slidegenie.plan.program import StackProgram

from ..support import images
from ..support.secrets import leaks_in_image
from ..support.workspace import ROOT, Result, docker, missing_for_engine_tests

# ---------------------------------------------------------------------------- BuildKit
# Which BuildKit is here: some of what images are tested for takes a newer one than Debian's Docker has.


Version = tuple[int, int]


def selected_builder() -> tuple[Builder, Version]:
    """Return the builder that is in use here (`docker buildx use`, BUILDX_BUILDER), started, and its version."""
    said = _said("buildx", "inspect", "--bootstrap")
    (name,) = re.findall(r"^Name:\s+(\S+)$", said, re.MULTILINE)[:1]
    return Builder.find(name), _version(r"^BuildKit version:\s+v?(\d+)\.(\d+)", said)


def buildx_version() -> Version:
    """Return the version of buildx."""
    return _version(r"\bv?(\d+)\.(\d+)", _said("buildx", "version"))


def _version(pattern: str, said: str) -> Version:
    found = re.search(pattern, said, re.MULTILINE)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _said(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout  # noqa: S607


# ---------------------------------------------------------------------------- tests


pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

REPOSITORY = "slidegenie-twice/backend"
LATEST, MINIMAL = VARIANTS[0], VARIANTS[-1]
REGISTRY = "slidegenie-airgap/registry:2.8.2"


@pytest.fixture(scope="module", autouse=True)
def _engine() -> Iterator[None]:
    if reason := missing_for_engine_tests():
        pytest.skip(reason)
    yield
    names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY).split()
    if names:
        docker("image", "rm", "--force", *names)


def checkout(folder: Path) -> Path:
    shutil.copytree(ROOT / "docker" / "backend", folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    return folder


def build(context: Path, variant: ImageVariant, tag: str, bundle: Path | None = None) -> BuiltImageArgs:
    settings = StackProgram.read(ROOT, "airgap").settings
    common = BackendImageArgs(
        variant=variant, repository=REPOSITORY, context=str(context), dockerfile=variant.dockerfile
    )
    made = backend_build(replace(common, images=settings.images, engine=settings.engine))
    return replace(made, tag=f"{REPOSITORY}:{tag}", further_tags=(), ca_bundle=str(bundle) if bundle else None)


def load(made: BuiltImageArgs, *, no_cache: bool = False) -> str:
    return Builder.find("default").load(made, [], no_cache=no_cache)


def script(*arguments: str) -> Result:
    done = subprocess.run(
        ["scripts/build-images.sh", *arguments],  # noqa: S607 - below ROOT
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("variant", [LATEST, MINIMAL], ids=lambda row: row.name)
def test_what_lies_about_in_a_checkout_stays_out_of_every_layer(variant: ImageVariant, tmp_path: Path) -> None:
    context, planted = checkout(tmp_path / "backend"), "planted-where-it-must-not-be-seen"
    for name in (".env", ".git/config", "app/.env", "app/.git/config", "id_rsa", "notes/todo.txt", "app/x.pyc"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(planted, encoding="utf-8")
    with (context / "tests" / "conftest.py").open("a", encoding="utf-8") as file:
        file.write(f"# {planted}\n")
    image = load(build(context, variant, f"planted-{variant.name}"))

    assert leaks_in_image(image, [planted]) == []
    assert leaks_in_image(image, ["def create_app("]), "the search finds what is there"


@pytest.mark.parametrize("variant", [LATEST, MINIMAL], ids=lambda row: row.name)
def test_two_builds_differ_in_nothing_but_dates_and_trust_leaves_no_trace(
    variant: ImageVariant, tmp_path: Path
) -> None:
    first, second = checkout(tmp_path / "first"), checkout(tmp_path / "second")
    for path in second.rglob("*"):
        # Another day, and an umask of 077.
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o700 if path.is_dir() else 0o600)
    bundle = tmp_path / "own.pem"
    bundle.write_bytes(
        elliptic_key("AAAA" * 11)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    one = images.entries(load(build(first, variant, "first"), no_cache=True))
    image = load(build(second, variant, "second", bundle), no_cache=True)
    other = images.entries(image)

    assert len(one) > 3000
    assert [(a, b) for a, b in zip(one, other, strict=True) if a != b] == []
    assert leaks_in_image(image, [bundle.read_text(encoding="utf-8").splitlines()[1]]) == []
    assert "ca_bundle" not in docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    if not docker("image", "ls", "--quiet", REGISTRY):
        pytest.skip(f"{REGISTRY} is not built: run scripts/build-airgap-images.sh --only registry")
    container = docker("run", "--detach", "--publish=127.0.0.1::5000", REGISTRY).strip()
    address = docker("port", container, "5000/tcp").split()[0]
    yield address
    docker("rm", "--force", "--volumes", container)
    # The engine's own builder leaves what it pushed.
    if left := docker("image", "ls", "--quiet", "--filter", f"reference={address}/*/*").split():
        docker("image", "rm", "--force", *left)


@pytest.fixture(scope="module")
def bases(request: pytest.FixtureRequest) -> ImagesSettings:
    """Images that the builder in use may build on: the real ones, or stand-ins, in a registry if it has none itself."""
    builder, version = selected_builder()
    if version < (0, 13):
        pytest.skip("takes BuildKit 0.13 or newer: a newer engine, or docker buildx create --use")
    if docker_reaches(ImagesSettings().python_debian):
        return ImagesSettings()
    stand_ins = StackProgram.read(ROOT, "airgap").settings.images
    if builder.own:
        return stand_ins
    registry = request.getfixturevalue("registry")
    for name in {stand_ins.python_debian, stand_ins.python_alpine}:
        docker("tag", name, f"{registry}/{name}")
        docker("push", f"{registry}/{name}")
        docker("image", "rm", f"{registry}/{name}")
    return stand_ins.model_copy(update={"mirror": registry})


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda row: row.name)
def test_two_builds_of_one_commit_have_one_digest(variant: ImageVariant, bases: ImagesSettings, tmp_path: Path) -> None:
    builder, _ = selected_builder()
    if builder.own:
        pytest.skip("files are dated in a builder of its own: docker buildx create --use")
    origin = OriginSettings.model_validate({"created": "2026-01-31T12:00:00Z"})
    common = BackendImageArgs(variant=variant, images=bases, origin=origin)

    def digest(name: str, moment: int) -> str:
        context, metadata = checkout(tmp_path / name), tmp_path / f"{name}.json"
        for path in context.rglob("*"):
            os.utime(path, (moment, moment))
        made = backend_build(replace(common, context=str(context), dockerfile=variant.dockerfile))
        output = f"type=oci,dest={tmp_path / name}.tar,rewrite-timestamp=true"
        builder._run(made, ["--output", output, "--metadata-file", str(metadata)], [], no_cache=True)
        return str(json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"])

    assert digest("first", 1_000_000_000) == digest("second", 1_700_000_000)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda row: row.name)
def test_buildkits_own_checks_find_nothing(variant: ImageVariant, bases: ImagesSettings) -> None:
    _, version = selected_builder()
    if version < (0, 14) or buildx_version() < (0, 15):
        pytest.skip("docker build --check takes BuildKit 0.14 and buildx 0.15 or newer")
    made = backend_build(BackendImageArgs(variant=variant, images=bases))
    arguments = [option for pair in made.build_args.items() for option in ("--build-arg", "=".join(map(str, pair)))]
    command = ["docker", "buildx", "build", "--check", "--file", made.dockerfile, "--target", str(made.target)]
    done = subprocess.run([*command, *arguments, made.context], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda row: row.name)
def test_dockle_finds_nothing_at_warn_and_above(variant: ImageVariant, tmp_path: Path) -> None:
    if shutil.which("dockle") is None:
        pytest.skip("dockle is not on PATH: scripts/install-supply-chain-tools.sh dockle builds it")
    image = load(build(ROOT / "docker" / "backend", variant, f"dockle-{variant.name}"))
    saved = images.save(image, tmp_path / "image.tar")
    accepted = [
        # The module that reads the environment; dockle goes by its name.
        "--accept-file=settings.py",
        # In the official Python image: whose signature its source had.
        "--accept-key=GPG_KEY",
    ]
    command = ["dockle", "--input", str(saved), "--exit-code=1", "--exit-level=warn", "--format=json", *accepted]
    done = subprocess.run([*command, "--version-check=false"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["summary"]["fatal"] == 0


def test_a_pushed_image_gets_its_names_and_is_listed_with_its_compressed_size(registry: str) -> None:
    options = ["--push", "--minimal", "--no-scan", "-p", "linux/amd64", "-r", f"{registry}/acme", "-n", "slides"]
    done = script(*options, "-v", "2.0.0", "--stack", "airgap")
    assert done.code == 0, done.text
    names = [f"{registry}/acme/slides:{tag}" for tag in MINIMAL.tags("2.0.0")]
    manifests = {docker("buildx", "imagetools", "inspect", "--raw", name) for name in names}

    assert len(manifests) == 1
    assert "size, compressed" in done.out
    assert done.out.splitlines()[-1].split()[0] == "minimal"


@pytest.mark.usefixtures("tools")
def test_scan_sbom_and_signature_are_real(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := [tool for tool in ("trivy", "syft", "cosign") if shutil.which(tool) is None]:
        pytest.skip(f"not on PATH: {', '.join(missing)}; scripts/install-supply-chain-tools.sh builds them")
    monkeypatch.setenv("COSIGN_PASSWORD", "of the test")
    subprocess.run(["cosign", "generate-key-pair"], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607
    where = ["--push", "--minimal", "-p", "linux/amd64", "-r", f"{registry}/signed", "-v", "2.0.0", "--stack", "airgap"]
    done = script(*where, "--scan", "--sign", "--key", str(tmp_path / "cosign.key"))
    assert done.code == 0, done.text

    assert done.out.splitlines()[-1].split()[-4:] == ["passed:", "secret,", "misconfig", "verified"]
    name = f"{registry}/signed/backend:2.0.0-minimal"
    verify = ["cosign", "verify", "--insecure-ignore-tlog=true", "--key", str(tmp_path / "cosign.pub"), name]
    assert subprocess.run(verify, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--no-such-option"], 2, "No such option: --no-such-option"),
        (["-v"], 2, "Option '-v' requires an argument"),
        (["-v", "1.0+local"], 1, "-v must be a version that can be a tag, such as 1.4.0; got '1.0+local'"),
        (["-n", "Not A Name"], 1, "-r and -n must make the name of an image"),
        (["-p", "plan9/mips"], 1, "plan9/mips cannot be built here: builder 'default' builds"),
        (["-p", "linux/amd64,linux/arm64"], 1, "can only be pushed: add --push, or name one"),
        (["--push"], 1, "builder 'default' builds for one platform, not for linux/amd64, linux/arm64"),
        (["--push", "-p", "linux/amd64", "-r", "127.0.0.1:1/acme"], 1, "the registry 127.0.0.1:1 does not answer"),
        (["--sign"], 1, "--sign needs --push: a signature is kept in the registry"),
        (["--push", "--sign", "-p", "linux/amd64"], 1, "--sign needs a key that is not in a stack's state"),
        (["--builder", "nobody"], 1, "builder 'nobody' cannot be used: "),
        (["--stack", "nowhere"], 1, "stack 'nowhere' does not exist: there is no Pulumi.nowhere.yaml"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_built(arguments: list[str], code: int, said: str) -> None:
    done = script(*arguments)
    lines = [line for line in done.err.splitlines() if line.strip()]

    assert (done.code, len(lines), done.out) == (code, 1, ""), done.text
    assert said in lines[0]


def test_a_base_that_cannot_be_had_is_named_with_the_way_out() -> None:
    """Seen where no image registry can be reached; elsewhere the base is there."""
    if docker_reaches(backend_build(BackendImageArgs()).build_args["PYTHON_IMAGE"]):
        pytest.skip("this machine reaches the registry of the base image")
    done = script("--no-scan")

    assert done.code == 1
    assert "cannot be had (" in done.err
    assert "build on the stand-ins with --stack airgap" in done.err


def docker_reaches(image: object) -> bool:
    command = ["docker", "buildx", "imagetools", "inspect", str(image)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
