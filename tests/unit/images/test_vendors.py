"""Third-party images that somebody must have signed: asked before any container, by the right key, from the mirror."""

from pathlib import Path
from typing import Any

import pytest

from components.settings import SettingsError, parse_settings
from slidegenie.plan import Plan

from ..planned import CONTAINER, application

MARKER = "random:index/randomId:RandomId"
DIGEST = "sha256:" + "b" * 64
PINNED = {"redis": f"docker.io/library/redis:8.2.1@{DIGEST}"}
IDENTITY = {"identity": "https://ci.example.com/release", "issuer": "https://token.example.com"}


def vendors(**images: Any) -> dict[str, Any]:
    return {"require": "enforce", "vendors": images}


def with_redis(**sections: Any) -> Plan:
    """Return the plan of the edge and the application with a Redis of its own, whose image is asked about."""
    return application(redis={}, **sections)


def test_a_verified_image_is_asked_for_by_digest_and_where_the_mirror_has_it() -> None:
    plan = with_redis(images=PINNED | {"mirror": "mirror.example.com"}, supplyChain=vendors(redis=IDENTITY))

    marker = plan.named("slidegenie-vendors-redis-verify", MARKER)
    assert marker.inputs["keepers"]["image"] == f"mirror.example.com/library/redis@{DIGEST}"
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
