"""What is checked before anything is changed, as far as it needs no engine."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from slidegenie.console import Problem
from slidegenie.engine import preflight
from slidegenie.plan import Plan


def test_bases_and_third_party_images_are_needed_and_built_ones_are_not(plans: dict[str, Plan]) -> None:
    needed = preflight.needed_images(plans["airgap"])

    assert needed == sorted(set(needed))
    assert {
        "slidegenie-airgap/debian:bookworm-slim",
        "slidegenie-airgap/python:3.11-slim",
        "slidegenie-airgap/postgres:15",
        "slidegenie-airgap/redis:7.0",
        "slidegenie-airgap/traefik:v3.7.15",
        "slidegenie-airgap/haproxy:2.6",
    } <= set(needed)
    assert not {image for image in needed if image.startswith("slidegenie/")}


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what `docker pull` says, by registry; an empty word lets it succeed. No image is there."""
    said: dict[str, str] = {}

    def docker(*args: str, **_options: object) -> subprocess.CompletedProcess[str]:
        match args:
            case ("pull", "--quiet", image):
                word = said[image.partition("/")[0]]
                return subprocess.CompletedProcess(args, 1 if word else 0, "", f"Error response from daemon: {word}\n")
        return subprocess.CompletedProcess(args, 1, "", "no such image\n")

    monkeypatch.setattr(preflight, "docker", docker)
    monkeypatch.setattr(preflight, "image_id", lambda _image: "")
    return said


_NO_ROUTE = "dial tcp: lookup registry: no such host"


def test_when_no_registry_answers_each_is_asked_once_and_named(
    registries: dict[str, str], plans: dict[str, Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    registries |= {"docker.io": _NO_ROUTE, "quay.io": _NO_ROUTE, "ghcr.io": _NO_ROUTE}
    with pytest.raises(preflight.RegistryUnreachableError, match=r"docker\.io/.*\n.*ghcr\.io/.*\n.*quay\.io/"):
        list(preflight.pull_images(plans["dev"]))
    assert capsys.readouterr().out.count("==> pulling") == 3


def test_when_another_registry_answers_the_machine_is_not_without(
    registries: dict[str, str], plans: dict[str, Plan]
) -> None:
    registries |= {"docker.io": "", "quay.io": _NO_ROUTE, "ghcr.io": ""}
    with pytest.raises(
        Problem, match=r"^quay\.io/minio/minio:\S+ cannot be pulled, its registry does not answer"
    ) as raised:
        list(preflight.pull_images(plans["dev"]))
    assert type(raised.value) is Problem, "no reason to use another stack"


def test_what_was_pulled_is_told_before_the_next_one_fails(registries: dict[str, str], plans: dict[str, Plan]) -> None:
    registries |= {"docker.io": "", "ghcr.io": "", "quay.io": "manifest unknown"}
    pulled: list[str] = []
    with pytest.raises(Problem, match=r"^quay\.io/minio/minio:\S+ cannot be pulled: .*manifest unknown"):
        pulled.extend(preflight.pull_images(plans["dev"]))
    needed = preflight.needed_images(plans["dev"])
    assert pulled == [image for image in needed if not image.startswith("quay.io/")]


def test_a_disk_that_is_full_in_the_middle_of_a_pull_is_called_that(
    registries: dict[str, str], plans: dict[str, Plan]
) -> None:
    registries |= {"docker.io": "write /var/lib/docker/tmp/x: no space left on device", "quay.io": "", "ghcr.io": ""}
    with pytest.raises(Problem, match=r"^the disk is too small for the images: .*no space left on device"):
        list(preflight.pull_images(plans["dev"]))


def test_what_is_there_is_pulled_again_only_for_the_newest_and_not_when_it_was_made_here(
    plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = next(image for image in preflight.needed_images(plans["dev"]) if image.startswith("docker.io/"))
    pulled: list[str] = []

    def docker(*args: str, **_options: object) -> subprocess.CompletedProcess[str]:
        if args[0] == "pull":
            pulled.append(args[-1])
        return subprocess.CompletedProcess(args, 0, "0\n" if args[-1] == here else "1\n", "")

    monkeypatch.setattr(preflight, "docker", docker)
    monkeypatch.setattr(preflight, "image_id", lambda image: f"sha256:{image}")
    assert list(preflight.pull_images(plans["dev"])) == pulled == []
    assert list(preflight.pull_images(plans["dev"], newest=True)) == [], "somebody else may have pulled it first"
    assert pulled == [image for image in preflight.needed_images(plans["dev"]) if image != here]


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("redis:8.2.1", "docker.io"),
        ("library/redis:8.2.1", "docker.io"),
        ("docker.io/library/redis:8.2.1", "docker.io"),
        ("localhost/redis:8.2.1", "localhost"),
        ("registry:5000/redis:8.2.1", "registry:5000"),
    ],
)
def test_the_registry_of_an_image_is_read_as_docker_does(image: str, registry: str) -> None:
    assert preflight._registry(image) == registry


@pytest.fixture
def taken() -> Iterator[int]:
    """Hold a port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_taken_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(Problem, match=rf"^port {taken} on 127.0.0.1 is taken .* set another in Pulumi.dev.yaml "):
        preflight._check_port("127.0.0.1", taken, "dev")


def test_a_port_that_only_the_engine_may_bind_is_taken_when_something_answers(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a plain user finds 443."""

    class Unprivileged(socket.socket):
        def bind(self, _address: object, /) -> None:
            raise PermissionError

    monkeypatch.setattr("socket.socket", Unprivileged)
    with pytest.raises(Problem, match=rf"^port {taken} on 127.0.0.1 is taken \(something answers there\)"):
        preflight._check_port("127.0.0.1", taken, "prod")


def test_a_port_that_is_free_is_fine() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        free = holder.getsockname()[1]

    preflight._check_port("127.0.0.1", free, "dev")
