"""The built-in data stores are told what fits their limits, and read their passwords from files."""

import pytest

from .planned import as_it_comes, environment, unwatched, uploads


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
    command = unwatched(postgres={"limits": {"memoryMib": memory}}).named("slidegenie-postgres-1").inputs["command"]

    assert command[:5] == ["postgres", "-c", f"shared_buffers={buffers}", "-c", f"effective_cache_size={cache}"]


def test_redis_drops_the_least_used_before_it_is_killed() -> None:
    plan = unwatched(redis={"maxmemoryMib": 64, "limits": {"memoryMib": 96}})
    lines = uploads(plan.named("slidegenie-redis-config-seed"))["redis.conf"].splitlines()

    assert {"maxmemory 64mb", "maxmemory-policy allkeys-lru", "appendonly yes"} <= set(lines)
    assert "aclfile /run/secrets/users.acl" in lines
    assert not [line for line in lines if line.startswith(("requirepass", "user "))]


def test_minio_has_no_console_and_asks_nobody_for_updates() -> None:
    plan = unwatched(storage={"limits": {"memoryMib": 1000}})
    variables = environment(plan.named("slidegenie-minio-1"))

    assert variables["MINIO_BROWSER"] == "off"
    assert variables["MINIO_UPDATE"] == "off"
    assert variables["GOMEMLIMIT"] == "900MiB"
    assert variables["MINIO_ROOT_USER_FILE"] == "/run/secrets/access-key"
    assert variables["MINIO_ROOT_PASSWORD_FILE"] == "/run/secrets/secret-key"
