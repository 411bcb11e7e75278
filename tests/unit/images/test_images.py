"""Third-party images: through the mirror, run by ID, kept when they are replaced, and signed by whom they should be."""

from pathlib import Path
from typing import Any

import pytest

from components import BuiltImage, BuiltImageArgs, PulledImage, PulledImageArgs
from components.images.image import mirrored
from components.settings import ImagesSettings, SettingsError, parse_settings
from components.settings.references import Reference, is_in, parse, split_registry
from slidegenie.maintenance.records import ImageRecord
from slidegenie.plan import Plan
from slidegenie.policy.normalized import full_name, repository
from slidegenie.pulumi.state import StackState
from slidegenie.rollout import rollout
from slidegenie.rollout.rollout import moved_images

from ...support.pem import root
from ..planned import BUILD, CONTAINER, REMOTE_IMAGE, application, plain, platform, recorded

DIGEST = "sha256:" + "a" * 64
AUTHORITY = root()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/library/redis:8.2.1", "mirror.example.com/hub/library/redis:8.2.1"),
        ("quay.io/minio/minio:1", "mirror.example.com/hub/minio/minio:1"),
        ("localhost/app:1", "mirror.example.com/hub/app:1"),
        ("registry:5000/app:1", "mirror.example.com/hub/app:1"),
        ("library/redis:8", "mirror.example.com/hub/library/redis:8"),
        ("redis:8.2.1", "mirror.example.com/hub/library/redis:8.2.1"),
        ("docker.io/redis:8.2.1", "mirror.example.com/hub/library/redis:8.2.1"),
        ("index.docker.io/acme/app:1", "mirror.example.com/hub/acme/app:1"),
        (f"redis@{DIGEST}", f"mirror.example.com/hub/library/redis@{DIGEST}"),
        ("mirror.example.com/hub/redis:8.2.1", "mirror.example.com/hub/redis:8.2.1"),
        (f"docker.io/library/redis:8@{DIGEST}", f"mirror.example.com/hub/library/redis:8@{DIGEST}"),
    ],
)
def test_a_mirror_stands_in_for_every_registry(reference: str, expected: str) -> None:
    assert mirrored(reference, ImagesSettings(mirror="mirror.example.com/hub")) == expected


def test_without_a_mirror_an_image_comes_from_its_own_registry() -> None:
    assert mirrored("quay.io/minio/minio:1", ImagesSettings()) == "quay.io/minio/minio:1"


def test_a_mirror_is_used_for_every_image_of_the_platform() -> None:
    plan = platform(images={"mirror": "mirror.example.com"})
    pulled = {image.inputs["name"] for image in plan.of_type(REMOTE_IMAGE)}
    built = {tag for build in plan.of_type(BUILD) for tag in build.inputs["tags"]}
    by_build = [
        [value for name, value in build.inputs["buildArgs"].items() if name.endswith("_IMAGE")]
        for build in plan.of_type(BUILD)
    ]
    bases = [base for found in by_build for base in found]

    assert {name for name in pulled - built if not name.startswith("mirror.example.com/")} == set()
    assert all(by_build)
    assert {base for base in bases if not base.startswith("mirror.example.com/")} == set()


def test_a_pulled_image_runs_by_its_id_and_stays_on_the_engine() -> None:
    ids: list[str] = []
    plan = recorded(
        lambda: PulledImage("redis", PulledImageArgs(reference="docker.io/library/redis:8")).id_on_engine.apply(
            ids.append
        )
    )

    assert plan.named("redis", REMOTE_IMAGE).inputs == {"name": "docker.io/library/redis:8", "keepLocally": True}
    assert ids == [plan.named("redis", REMOTE_IMAGE).outputs["imageId"]]


def built(ca_bundle: str | None = None) -> Plan:
    args = BuiltImageArgs(
        tag="example/app:1",
        context="app",
        dockerfile="app/Dockerfile",
        target="production",
        build_args={"VERSION": "1"},
        ca_bundle=ca_bundle,
    )
    return recorded(lambda: BuiltImage("app", args))


def test_an_image_is_built_and_loaded_by_the_engine_itself() -> None:
    build = built().named("app", BUILD)

    assert build.inputs["tags"] == ["example/app:1", "example/app:1-slidegenie-test"]
    assert build.inputs["context"] == {"location": "app"}
    assert build.inputs["dockerfile"] == {"location": "app/Dockerfile"}
    assert build.inputs["target"] == "production"
    assert build.inputs["buildArgs"] == {"VERSION": "1"}
    assert (build.inputs["push"], build.inputs["load"], build.inputs["exec"]) == (False, True, True)
    assert not build.inputs.get("secrets")


def test_a_replaced_image_stays_for_a_rollback() -> None:
    plan = built()

    assert plan.named("app", BUILD).retain_on_delete is True
    assert plan.named("app", REMOTE_IMAGE).inputs["keepLocally"] is True


def test_a_rebuild_under_the_same_tag_is_noticed() -> None:
    loaded = built().named("app", REMOTE_IMAGE)

    assert loaded.inputs["name"] == "example/app:1-slidegenie-test", "another stack may move the other tag"
    assert list(loaded.inputs["triggers"]) == ["digest"]
    assert built().named("app", BUILD).urn in loaded.dependencies


def test_a_build_trusts_the_bundle_and_leaves_no_trace_of_it(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(AUTHORITY, encoding="utf-8")
    build = built(str(bundle)).named("app", BUILD)

    assert plain(build.inputs["secrets"]) == {"ca_bundle": AUTHORITY}
    assert AUTHORITY not in str(build.inputs["buildArgs"])


def test_a_bundle_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        built("/no/such/bundle.pem")

    assert str(caught.value) == (
        "Pulumi.test.yaml: engine.caBundle: cannot be read (No such file or directory); got '/no/such/bundle.pem',"
        " give the path of a PEM file here"
    )


@pytest.mark.parametrize(("size", "fits"), [(120_000, True), (120_001, False)])
def test_a_bundle_that_the_builder_cannot_take_is_refused(tmp_path: Path, size: int, fits: bool) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(AUTHORITY + "#" * (size - len(AUTHORITY)), encoding="utf-8")
    if fits:
        assert built(str(bundle)).of_type(BUILD)
    else:
        with pytest.raises(SettingsError, match=r"engine.caBundle: must be at most 120000 bytes; .* has 120001:"):
            built(str(bundle))


def test_a_bundle_without_a_certificate_is_refused_before_a_build_trusts_nobody(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN PRIVATE KEY-----", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        built(str(bundle))

    assert str(caught.value) == (
        f"Pulumi.test.yaml: engine.caBundle: must be certificates in PEM; {str(bundle)!r} is none: name the file that"
        " has them, from -----BEGIN CERTIFICATE----- on"
    )


def test_a_bundle_in_another_form_is_told_how_to_become_one(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.der"
    bundle.write_bytes(b"\x30\x82\x03\xff")
    with pytest.raises(SettingsError) as caught:
        built(str(bundle))

    assert str(caught.value) == (
        f"Pulumi.test.yaml: engine.caBundle: must be PEM, which is text; {str(bundle)!r} is not:"
        f" `openssl x509 -inform der -in {bundle}` writes it as PEM"
    )


# ---------------------------------------------------------------------------- reference
# Names of images as the engine reads them: in full, and refused where it would refuse them.


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


# ---------------------------------------------------------------------------- newest
# What `make up NEWEST=1` makes anew: what came from an image whose name means another one now.


_REDIS = {
    "urn": "urn::redis",
    "type": REMOTE_IMAGE,
    "inputs": {"name": "redis:8"},
    "outputs": {"imageId": "sha256:redis"},
}
_APP = {"urn": "urn::app", "type": BUILD, "inputs": {"buildArgs": {"PYTHON_IMAGE": "python:3", "VERSION": "1"}}}


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine has, by name."""
    images = {"redis:8": "sha256:redis", "python:3": "sha256:python"}
    monkeypatch.setattr(rollout, "image_id", lambda name: images.get(name, ""))
    return images


@pytest.fixture
def record(tmp_path: Path) -> ImageRecord:
    made = ImageRecord(tmp_path / "record.json")
    made.note_build("app", "sha256:app", {"python:3": "sha256:python"}, anew=False)
    return made


def test_a_name_that_moved_is_found_where_it_was_pulled_and_where_it_was_built_on(
    record: ImageRecord, there: dict[str, str]
) -> None:
    state = StackState((_REDIS, _APP, _REDIS | {"urn": "urn::old", "delete": True}))
    assert moved_images(state, record) == {}
    there |= {"redis:8": "sha256:newer", "python:3": "sha256:newer"}
    assert moved_images(state, record) == {"urn::redis": "redis:8", "urn::app": "python:3"}


def test_what_is_not_there_or_not_on_record_is_no_newer_one(record: ImageRecord, there: dict[str, str]) -> None:
    there.clear()
    assert "urn::redis" not in moved_images(StackState((_REDIS,)), record)
    there["python:3"] = "sha256:newer"
    assert moved_images(StackState((_APP | {"urn": "urn::other"},)), record) == {}


def test_a_build_stands_on_what_was_there_when_it_was_made(record: ImageRecord, there: dict[str, str]) -> None:
    there["python:3"] = "sha256:newer"
    bases = {"python:3": there["python:3"]}
    record.note_build("app", "sha256:app", bases, anew=False)
    assert moved_images(StackState((_APP,)), record), "the same image as before: nobody built"
    record.note_build("app", "sha256:app", bases, anew=True)
    assert moved_images(StackState((_APP,)), record) == {}


MARKER = "random:index/randomId:RandomId"
VENDORS_DIGEST = "sha256:" + "b" * 64
PINNED = {"redis": f"docker.io/library/redis:8.2.1@{VENDORS_DIGEST}"}
IDENTITY = {"identity": "https://ci.example.com/release", "issuer": "https://token.example.com"}


def vendors(**images: Any) -> dict[str, Any]:
    return {"require": "enforce", "vendors": images}


def with_redis(**sections: Any) -> Plan:
    """Return the plan of the edge and the application with a Redis of its own, whose image is asked about."""
    return application(redis={}, **sections)


def test_a_verified_image_is_asked_for_by_digest_and_where_the_mirror_has_it() -> None:
    plan = with_redis(images=PINNED | {"mirror": "mirror.example.com"}, supplyChain=vendors(redis=IDENTITY))

    marker = plan.named("slidegenie-vendors-redis-verify", MARKER)
    assert marker.inputs["keepers"]["image"] == f"mirror.example.com/library/redis@{VENDORS_DIGEST}"
    assert marker.inputs["keepers"]["signer"] == "keyless https://ci.example.com/release https://token.example.com"
    assert "slidegenie-vendors-redis-scan" not in {resource.name for resource in plan.of_type(MARKER)}


def test_another_key_is_another_verification(tmp_path: Path) -> None:
    key = tmp_path / "vendor.pub"

    def signer() -> str:
        given = vendors(redis={"publicKey": str(key)})
        marker = with_redis(images=PINNED, supplyChain=given).named("slidegenie-vendors-redis-verify", MARKER)
        return str(marker.inputs["keepers"]["signer"])

    key.write_text("one", encoding="utf-8")
    first = signer()
    key.write_text("two", encoding="utf-8")
    assert signer() != first


def test_without_vendors_or_with_checks_off_nothing_is_asked() -> None:
    assert not [m for m in with_redis(images=PINNED).of_type(MARKER) if "vendors" in m.name]
    off = with_redis(images=PINNED, supplyChain=vendors(redis=IDENTITY) | {"require": "off"})
    assert not [m for m in off.of_type(MARKER) if "vendors" in m.name]
    assert off.of_type(CONTAINER)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"supplyChain": vendors(redis=IDENTITY)},
            "as supplyChain.vendors.redis has it verified and a tag may mean another image tomorrow; got",
        ),
        (
            {"supplyChain": vendors(rediss=IDENTITY)},
            "supplyChain.vendors.rediss: is no image; known are ",
        ),
        (
            {"supplyChain": vendors(redis={"identity": "https://ci.example.com/release"})},
            "supplyChain.vendors.redis: needs either publicKey, or identity and issuer; give one of the two",
        ),
        (
            {"supplyChain": vendors(redis=IDENTITY | {"publicKey": "/k.pub"})},
            "supplyChain.vendors.redis: needs either publicKey, or identity and issuer; give one of the two",
        ),
    ],
)
def test_a_vendor_that_cannot_be_asked_for_is_one_line(values: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_settings(values, "Pulumi.test.yaml")
    assert line in str(raised.value)
    assert str(raised.value).count("supplyChain.vendors") <= 2
