"""Tokens of the application's clients: who is told of them, and in which form."""

import hashlib
import json
from typing import Any

import pytest

from slidegenie.plan import Plan, Secret

from ..planned import CONTAINER, PASSWORD, VOLUME, application, labels

_OWN = {"image": "ghcr.io/example/shop:1.4.2", "healthCommand": ["node", "health.js"]}
_TOKENS_FILE = "API_TOKENS_FILE=/run/tokens/tokens.json"


def told(plan: Plan) -> list[dict[str, str]]:
    """Return what is in the file of the tokens."""
    [file] = [
        upload
        for container in plan.of_type(CONTAINER)
        for upload in container.inputs.get("uploads") or []
        if upload["file"].endswith("/tokens.json")
    ]
    assert isinstance(file["content"], Secret)
    entries: list[dict[str, str]] = json.loads(file["content"].value)
    return entries


def hashed(plan: Plan, token: str) -> str:
    result = plan.named(f"slidegenie-app-token-{token}", PASSWORD).outputs["result"]
    assert isinstance(result, Secret)
    return hashlib.sha256(result.value.encode()).hexdigest()


def environment(plan: Plan, name: str = "slidegenie-app-1") -> list[str]:
    return [value for value in plan.named(name, CONTAINER).inputs["envs"] if value.startswith(("API_", "BUILD_"))]


def test_production_wants_a_token_and_development_none(plans: dict[str, Plan]) -> None:
    assert environment(plans["prod"]) == ["API_QUOTA_MIB=10240", _TOKENS_FILE, "BUILD_QUEUE=16"]
    assert environment(plans["airgap"]) == ["API_QUOTA_MIB=10240", _TOKENS_FILE, "BUILD_QUEUE=16"]
    assert environment(plans["dev"]) == ["API_OPEN=true", "API_QUOTA_MIB=10240", "BUILD_QUEUE=16"]
    assert not [r.name for r in plans["dev"].resources if "-token" in r.name]


def test_the_application_alone_is_told_names_and_hashes(plans: dict[str, Plan]) -> None:
    plan = plans["prod"]
    assert told(plan) == [{"name": "default", "sha256": hashed(plan, "default")}]

    volume = plan.named("slidegenie-app-tokens", VOLUME)
    mounting = {
        labels(container).get("com.docker.compose.service")
        for container in plan.of_type(CONTAINER)
        for mount in container.inputs["mounts"]
        if mount["source"] == volume.inputs.get("name", volume.name) and container.inputs.get("start") is not False
    }
    assert mounting == {"app"}
    mounts = plan.named("slidegenie-app-1", CONTAINER).inputs["mounts"]
    assert [m["readOnly"] for m in mounts if m["target"] == "/run/tokens"] == [True]


def test_each_name_has_a_token_and_a_change_of_names_replaces_the_application() -> None:
    one, two = (application(backend={"tokens": names}) for names in (["site"], ["site", "app"]))

    assert told(two) == [{"name": name, "sha256": hashed(two, name)} for name in ("site", "app")]
    marks = [labels(plan.named("slidegenie-app-1", CONTAINER))["io.slidegenie.tokens"] for plan in (one, two)]
    assert marks == ["site", "site,app"]


def test_a_token_outlives_the_stack_and_so_does_what_remembers_the_one_before() -> None:
    plan = application()
    kept = [r for r in plan.resources if r.name.startswith("slidegenie-app-token-")]

    assert [(r.name, r.protect) for r in kept] == [
        ("slidegenie-app-token-default", True),
        ("slidegenie-app-token-default-former", True),
    ]


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ({"tokens": []}, ["API_OPEN=true", "API_QUOTA_MIB=10240", "BUILD_QUEUE=16"]),
        ({"quotaMib": 5, "buildQueue": 0}, ["API_QUOTA_MIB=5", _TOKENS_FILE, "BUILD_QUEUE=0"]),
        ({"target": "development", "tokens": ["me"]}, ["API_QUOTA_MIB=10240", _TOKENS_FILE, "BUILD_QUEUE=16"]),
        (_OWN, []),
        (
            _OWN | {"environment": {"API_OPEN": "yes", "API_TOKENS_FILE": "mine"}},
            ["API_OPEN=yes", "API_TOKENS_FILE=mine"],
        ),
        (_OWN | {"tokens": ["me"]}, [_TOKENS_FILE]),
    ],
)
def test_settings_say_who_is_answered_and_an_application_of_ones_own_is_left_alone(
    backend: dict[str, Any], expected: list[str]
) -> None:
    assert environment(application(backend=backend)) == expected


def test_the_migrations_are_told_nothing_of_tokens(plans: dict[str, Plan]) -> None:
    assert environment(plans["prod"], "slidegenie-app-migrate") == []
