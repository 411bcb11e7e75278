"""Names of images as the engine reads them: in full, and refused where it would refuse them."""

import pytest

from components.settings.values.references import Reference, is_in, parse, split_registry
from slidegenie.policy.images import full_name, repository

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "registry", "rest"),
    [
        ("redis:8", "docker.io", "library/redis:8"),
        ("docker.io/redis:8", "docker.io", "library/redis:8"),
        ("index.docker.io/acme/app", "docker.io", "acme/app"),
        ("acme/app:1", "docker.io", "acme/app:1"),
        ("localhost/app:1", "localhost", "app:1"),
        ("registry:5000/app:1", "registry:5000", "app:1"),
        ("Registry/app:1", "Registry", "app:1"),
        (f"redis@{DIGEST}", "docker.io", f"library/redis@{DIGEST}"),
        ("[2001:db8::1]:5000/app:1", "[2001:db8::1]:5000", "app:1"),
    ],
)
def test_what_docker_takes_for_granted_is_said(name: str, registry: str, rest: str) -> None:
    assert split_registry(name) == (registry, rest)
    assert full_name(name) == f"{registry}/{rest}"


def test_all_parts_of_a_name_are_told_apart() -> None:
    assert parse(f"r.example.com:5000/a/b:1@{DIGEST}") == Reference(
        registry="r.example.com:5000", path="a/b", tag="1", digest=DIGEST
    )
    assert parse("redis") == Reference(registry="docker.io", path="library/redis", tag=None, digest=None)
    assert repository(f"redis:8@{DIGEST}") == "docker.io/library/redis"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "'library/' is no path"),
        ("redis:", "'' is no tag"),
        ("redis@", "'' is no digest"),
        ("redis@sha512:" + "a" * 128, "is no digest, which is sha256: and 64 digits"),
        ("redis/", "'redis/' is no path"),
        ("a/b c:1", "'a/b c' is no path"),
        ("-r.example.com/a:1", "'-r.example.com' is no host name"),
        ("r.example.com:0/a:1", "port 0 is not between 1 and 65535"),
        ("a/" + "b" * 254 + ":1", "it is longer than 255 characters"),
        (DIGEST, "that is an image's ID"),
    ],
)
def test_what_no_engine_takes_is_refused_in_a_few_words(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("registry", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_is_one_registry_by_all_its_names(registry: str) -> None:
    assert is_in(registry, "acme/app:1")
    assert is_in(registry, "docker.io/acme/app:1")
    assert not is_in(registry, "ghcr.io/acme/app:1")


def test_a_registry_has_its_own_images_and_none_has_none() -> None:
    assert is_in("ghcr.io", "ghcr.io/acme/app:1")
    assert not is_in("ghcr.io", "ghcr.io.example.com/acme/app:1")
    assert not is_in(None, "ghcr.io/acme/app:1")
