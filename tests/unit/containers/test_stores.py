"""The built-in data stores are told what fits their limits, and read their passwords from files."""

import json
from typing import Any

import pytest

from slidegenie.plan import Plan

from ...support.pem import root
from ..planned import (
    CONTAINER,
    VOLUME,
    application,
    as_it_comes,
    environment,
    files_in,
    labels,
    service,
    unwatched,
    workloads,
)


def test_postgres_reads_its_password_from_a_file_and_checks_its_pages() -> None:
    assert environment(as_it_comes().named("slidegenie-postgres-1")) == {
        "POSTGRES_USER": "slidegenie",
        "POSTGRES_DB": "slidegenie",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
        "PGDATA": "/var/lib/postgresql/data/pgdata",
    }


@pytest.mark.parametrize(
    ("memory", "buffers", "cache"),
    [(512, "128MB", "384MB"), (4096, "1024MB", "3072MB"), (32, "16MB", "32MB")],
)
def test_postgres_is_tuned_to_its_memory(memory: int, buffers: str, cache: str) -> None:
    command = application(postgres={"limits": {"memoryMib": memory}}).named("slidegenie-postgres-1").inputs["command"]

    assert command[:5] == ["postgres", "-c", f"shared_buffers={buffers}", "-c", f"effective_cache_size={cache}"]


def test_redis_drops_the_least_used_before_it_is_killed() -> None:
    plan = application(redis={"maxmemoryMib": 64, "limits": {"memoryMib": 96}})
    lines = files_in(plan, "slidegenie-redis-config")["redis.conf"].splitlines()

    assert {"maxmemory 64mb", "maxmemory-policy allkeys-lru", "appendonly yes"} <= set(lines)
    assert "aclfile /run/secrets/users.acl" in lines
    assert not [line for line in lines if line.startswith(("requirepass", "user "))]


def test_minio_has_no_console_and_asks_nobody_for_updates() -> None:
    plan = application(storage={"limits": {"memoryMib": 1000}})
    variables = environment(plan.named("slidegenie-minio-1"))

    assert variables["MINIO_BROWSER"] == "off"
    assert variables["MINIO_UPDATE"] == "off"
    assert variables["GOMEMLIMIT"] == "900MiB"
    assert variables["MINIO_ROOT_USER_FILE"] == "/run/secrets/access-key"
    assert variables["MINIO_ROOT_PASSWORD_FILE"] == "/run/secrets/secret-key"


# ---------------------------------------------------------------------------- external stores
# A data store that somebody else runs takes the place of the built-in one, and nothing else changes.


EXTERNAL = {
    "postgres": {"external": {"host": "db.example.com", "port": 6432, "database": "decks", "user": "owner"}},
    "redis": {"external": {"host": "cache.example.com", "port": 6390, "user": "writer"}},
    "storage": {"external": {"endpoint": "https://s3.example.com", "region": "eu-central-1"}, "bucket": "decks"},
}
SECRETS = {
    "postgresPassword": "database-secret",
    "redisPassword": "cache-secret",
    "storageAccessKey": "access",
    "storageSecretKey": "object-secret",
}
VARIABLES = {
    "postgres": {
        "DATABASE_HOST": "db.example.com",
        "DATABASE_PORT": "6432",
        "DATABASE_NAME": "decks",
        "DATABASE_USER": "owner",
        "DATABASE_SSLMODE": "require",
        "DATABASE_PASSWORD_FILE": "/run/secrets/postgres-password",
    },
    "redis": {
        "REDIS_HOST": "cache.example.com",
        "REDIS_PORT": "6390",
        "REDIS_USER": "writer",
        "REDIS_PASSWORD_FILE": "/run/secrets/redis-password",
    },
    "storage": {
        "S3_ENDPOINT": "https://s3.example.com",
        "S3_REGION": "eu-central-1",
        "S3_BUCKET": "decks",
        "S3_ACCESS_KEY_FILE": "/run/secrets/storage-access-key",
        "S3_SECRET_KEY_FILE": "/run/secrets/storage-secret-key",
    },
}
SERVICES = {"postgres": "postgres", "redis": "redis", "storage": "minio"}


@pytest.fixture(scope="module")
def everything() -> Plan:
    return application(secrets=SECRETS, **EXTERNAL)


@pytest.mark.parametrize("store", EXTERNAL)
def test_one_external_store_replaces_one_container(store: str) -> None:
    plan = unwatched(secrets=SECRETS, backup={"enabled": False}, **{store: EXTERNAL[store]})
    left = {"postgres", "redis", "minio"} - {SERVICES[store]}

    assert {service(container) for container in workloads(plan)} & {"postgres", "redis", "minio"} == left
    assert [volume.name for volume in plan.of_type(VOLUME) if SERVICES[store] in volume.name] == []
    assert environment(plan.named("slidegenie-app-1")).items() >= VARIABLES[store].items()


@pytest.mark.parametrize("store", EXTERNAL)
def test_the_application_is_told_where_it_is(everything: Plan, store: str) -> None:
    for name in ("slidegenie-app-1", "slidegenie-app-2"):
        assert environment(everything.named(name)).items() >= VARIABLES[store].items()
    migration = everything.named("slidegenie-app-migrate", CONTAINER)
    assert environment(migration).items() >= VARIABLES[store].items()


def test_its_password_is_a_file(everything: Plan) -> None:
    assert files_in(everything, "slidegenie-app-secrets") == {
        "postgres-password": "database-secret",
        "redis-password": "cache-secret",
        "storage-access-key": "access",
        "storage-secret-key": "object-secret",
    }


def test_the_certificate_that_it_is_trusted_by_reaches_application_migrations_and_backups() -> None:
    """Without it libpq verifies nobody and connects to nobody: every backup failed while the application worked."""
    authority = root()
    external = {"host": "db.example.com", "sslmode": "verify-full", "rootCertificate": authority}
    plan = application(postgres={"external": external}, backup={})

    for name in ("slidegenie-app-1", "slidegenie-app-migrate", "slidegenie-backup-backup-1"):
        variables = environment(plan.named(name, CONTAINER))
        assert variables["DATABASE_SSLROOTCERT"] == "/run/secrets/postgres-root-certificate"
        assert variables["DATABASE_SSLMODE"] == "verify-full"
    for name in ("slidegenie-app-secrets", "slidegenie-backup-backup-secrets"):
        assert files_in(plan, name)["postgres-root-certificate"] == authority


def test_with_public_authorities_nobody_gets_a_file() -> None:
    external = {"host": "db.example.com", "sslmode": "verify-full"}
    plan = application(postgres={"external": external})

    assert "DATABASE_SSLROOTCERT" not in environment(plan.named("slidegenie-app-1"))
    assert "postgres-root-certificate" not in files_in(plan, "slidegenie-app-secrets")


def test_without_built_in_stores_only_the_edge_and_the_application_run(everything: Plan) -> None:
    assert not {service(container) for container in workloads(everything)} & {"postgres", "redis", "minio"}
    assert {"app", "migrate", "traefik", "socket-proxy"} <= {service(c) for c in workloads(everything)}


def test_the_built_in_ones_are_told_the_same_way() -> None:
    plan = as_it_comes()
    variables = environment(plan.named("slidegenie-app-1"))

    assert {name: variables[name] for names in VARIABLES.values() for name in names} == {
        "DATABASE_HOST": "postgres",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": "slidegenie",
        "DATABASE_USER": environment(plan.named("slidegenie-postgres-login", CONTAINER))["LOGIN"],
        "DATABASE_SSLMODE": "disable",
        "DATABASE_PASSWORD_FILE": "/run/secrets/postgres-password",
        "REDIS_HOST": "redis",
        "REDIS_PORT": "6379",
        "REDIS_USER": "slidegenie",
        "REDIS_PASSWORD_FILE": "/run/secrets/redis-password",
        "S3_ENDPOINT": "http://minio:9000",
        "S3_REGION": "us-east-1",
        "S3_BUCKET": "slidegenie",
        "S3_ACCESS_KEY_FILE": "/run/secrets/storage-access-key",
        "S3_SECRET_KEY_FILE": "/run/secrets/storage-secret-key",
    }


# ---------------------------------------------------------------------------- logins
# Services log in to data stores as themselves, and a new password changes nothing at the store itself.


GIVEN = {"redisPassword": "r", "storageAccessKey": "access", "storageSecretKey": "secret-key"}


def containers(plan: Plan) -> dict[str, Any]:
    """Return what would make Pulumi replace each container that runs: its inputs, and what it mounts."""
    return {container.name: container.inputs for container in workloads(plan)}


def with_postgres(password: str) -> Plan:
    return unwatched(secrets=GIVEN | {"postgresPassword": password}, backup={"enabled": False})


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
    app = files_in(plan, "slidegenie-app-secrets")
    postgres = files_in(plan, "slidegenie-postgres-login-secrets")
    redis = files_in(plan, "slidegenie-redis-login-secrets")
    minio = files_in(plan, "slidegenie-minio-login-secrets")

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
    plan = application(storage={"bucket": "decks"})
    policy = json.loads(files_in(plan, "slidegenie-minio-login-secrets")["policy.json"])

    assert {resource for statement in policy["Statement"] for resource in statement["Resource"]} == {
        "arn:aws:s3:::decks",
        "arn:aws:s3:::decks/*",
    }
    assert not [s for s in policy["Statement"] for action in s["Action"] if "*" in action or "admin" in action.lower()]


def test_redis_is_told_the_new_password_beside_the_old_and_then_alone() -> None:
    files = files_in(application(redis={}, secrets=GIVEN), "slidegenie-redis-login-secrets")
    digest = "454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1"

    assert files["admit"].splitlines()[0] == f"ACL SETUSER slidegenie #{digest}", "the one before stays valid"
    assert files["retire"] == f"ACL SETUSER slidegenie resetpass #{digest}\n"


def test_a_redis_with_other_users_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that runs would not know them, nor those who admit logins."""

    def users() -> str:
        return labels(application(redis={}, secrets=GIVEN).named("slidegenie-redis-1", CONTAINER))[
            "io.slidegenie.users"
        ]

    before = users()
    monkeypatch.setattr("components.stores.redis._USER", "another")

    assert users() != before


def test_an_external_store_gets_no_login() -> None:
    plan = application(postgres={"external": {"host": "db.example.com", "user": "decks"}})

    assert environment(plan.named("slidegenie-app-1", CONTAINER))["DATABASE_USER"] == "decks"
    assert not [c.name for c in plan.of_type(CONTAINER) if "postgres-login" in c.name]
