"""A data store that somebody else runs takes the place of the built-in one, and nothing else changes."""

import pytest

from slidegenie.plan import Plan

from ..support.pem import root
from .planned import CONTAINER, VOLUME, as_it_comes, environment, platform, service, unwatched, uploads, workloads

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
    return platform(secrets=SECRETS, **EXTERNAL)


@pytest.mark.parametrize("store", EXTERNAL)
def test_one_external_store_replaces_one_container(store: str) -> None:
    plan = platform(secrets=SECRETS, **{store: EXTERNAL[store]})
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
    assert uploads(everything.named("slidegenie-app-secrets-seed")) == {
        "postgres-password": "database-secret",
        "redis-password": "cache-secret",
        "storage-access-key": "access",
        "storage-secret-key": "object-secret",
    }


def test_the_certificate_that_it_is_trusted_by_reaches_application_migrations_and_backups() -> None:
    """Without it libpq verifies nobody and connects to nobody: every backup failed while the application worked."""
    authority = root()
    external = {"host": "db.example.com", "sslmode": "verify-full", "rootCertificate": authority}
    plan = unwatched(postgres={"external": external}, secrets={"postgresPassword": "database-secret"})

    for name in ("slidegenie-app-1", "slidegenie-app-migrate", "slidegenie-backup-backup-1"):
        variables = environment(plan.named(name, CONTAINER))
        assert variables["DATABASE_SSLROOTCERT"] == "/run/secrets/postgres-root-certificate"
        assert variables["DATABASE_SSLMODE"] == "verify-full"
    for name in ("slidegenie-app-secrets-seed", "slidegenie-backup-backup-secrets-seed"):
        assert uploads(plan.named(name))["postgres-root-certificate"] == authority


def test_with_public_authorities_nobody_gets_a_file() -> None:
    external = {"host": "db.example.com", "sslmode": "verify-full"}
    plan = unwatched(postgres={"external": external}, secrets={"postgresPassword": "database-secret"})

    assert "DATABASE_SSLROOTCERT" not in environment(plan.named("slidegenie-app-1"))
    assert "postgres-root-certificate" not in uploads(plan.named("slidegenie-app-secrets-seed"))


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
