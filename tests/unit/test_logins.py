"""Services log in to data stores as themselves, and a new password changes nothing at the store itself."""

import json
from typing import Any

import pytest

from slidegenie.plan import Plan

from .planned import CONTAINER, VOLUME, environment, labels, service, unwatched, uploads, workloads

GIVEN = {"redisPassword": "r", "storageAccessKey": "access", "storageSecretKey": "secret-key"}


def containers(plan: Plan) -> dict[str, Any]:
    """Return what would make Pulumi replace each container that runs: its inputs, and what it mounts."""
    return {container.name: container.inputs for container in workloads(plan)}


def with_postgres(password: str) -> Plan:
    return unwatched(secrets=GIVEN | {"postgresPassword": password})


def test_a_new_password_replaces_no_store() -> None:
    """A store that restarts answers nobody."""
    before, after = with_postgres("one"), with_postgres("two")
    stores = ("slidegenie-postgres-1", "slidegenie-redis-1", "slidegenie-minio-1", "slidegenie-traefik-1")
    for name in stores:
        assert before.named(name, CONTAINER).inputs == after.named(name, CONTAINER).inputs
    for name in ("slidegenie-postgres-secrets", "slidegenie-redis-secrets"):
        assert labels(before.named(name, VOLUME))["io.slidegenie.content"] == "live"


@pytest.mark.parametrize("store", ["postgres", "redis", "minio"])
def test_a_service_starts_only_when_its_login_is_admitted(plan: Plan, store: str) -> None:
    login = plan.named(f"slidegenie-{store}-login", CONTAINER)

    assert plan.named(f"slidegenie-{store}-1", CONTAINER).urn in login.dependencies
    for container in workloads(plan):
        if service(container) in ("app", "migrate"):
            assert login.urn in container.dependencies, container.name


def test_a_login_has_its_label_so_that_old_ones_can_be_retired(plan: Plan) -> None:
    found = {service(c): labels(c).get("io.slidegenie.login") for c in workloads(plan)}

    assert {name: store for name, store in found.items() if store} == {
        "postgres-login": "postgres",
        "redis-login": "redis",
        "minio-login": "minio",
    }


def test_a_service_is_neither_superuser_nor_root(plan: Plan) -> None:
    app = uploads(plan.named("slidegenie-app-secrets-seed", CONTAINER))
    postgres = uploads(plan.named("slidegenie-postgres-login-secrets-seed", CONTAINER))
    redis = uploads(plan.named("slidegenie-redis-login-secrets-seed", CONTAINER))
    minio = uploads(plan.named("slidegenie-minio-login-secrets-seed", CONTAINER))

    assert environment(plan.named("slidegenie-app-1", CONTAINER))["DATABASE_USER"].startswith("slidegenie_")
    assert app["postgres-password"] == postgres["login-password"]
    assert app["storage-access-key"] == minio["access-key"]
    assert not set(app.values()) & {
        *(postgres[f"{name}-password"] for name in ("administrator", "deputy")),
        *(redis[f"{name}-password"] for name in ("administrator", "deputy")),
        *(minio[f"root-{name}-key"] for name in ("access", "secret")),
    }


def test_the_login_of_postgres_is_called_as_its_clients_call_themselves(plan: Plan) -> None:
    login = environment(plan.named("slidegenie-postgres-login", CONTAINER))["LOGIN"]

    assert login == environment(plan.named("slidegenie-app-1", CONTAINER))["DATABASE_USER"]


def test_the_keys_of_services_open_one_bucket_and_nothing_else() -> None:
    plan = unwatched(storage={"bucket": "decks"})
    policy = json.loads(uploads(plan.named("slidegenie-minio-login-files-seed"))["policy.json"])

    assert {resource for statement in policy["Statement"] for resource in statement["Resource"]} == {
        "arn:aws:s3:::decks",
        "arn:aws:s3:::decks/*",
    }
    assert not [s for s in policy["Statement"] for action in s["Action"] if "*" in action or "admin" in action.lower()]


def test_redis_is_told_the_new_password_beside_the_old_and_then_alone() -> None:
    files = uploads(unwatched(secrets=GIVEN).named("slidegenie-redis-login-secrets-seed"))
    digest = "454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1"

    assert files["admit"].splitlines()[0] == f"ACL SETUSER slidegenie #{digest}", "the one before stays valid"
    assert files["retire"] == f"ACL SETUSER slidegenie resetpass #{digest}\n"


def test_a_redis_with_other_users_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that runs would not know them, nor those who admit logins."""

    def users() -> str:
        return labels(unwatched(secrets=GIVEN).named("slidegenie-redis-1", CONTAINER))["io.slidegenie.users"]

    before = users()
    monkeypatch.setattr("components.stores.redis._USER", "another")

    assert users() != before


def test_an_external_store_gets_no_login() -> None:
    plan = unwatched(
        postgres={"external": {"host": "db.example.com", "user": "decks"}},
        secrets={"postgresPassword": "p"},
        monitoring={"enabled": False},
    )

    assert environment(plan.named("slidegenie-app-1", CONTAINER))["DATABASE_USER"] == "decks"
    assert not [c.name for c in plan.of_type(CONTAINER) if "postgres-login" in c.name]
