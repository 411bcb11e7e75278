"""A secret is in files of its consumer and nowhere else, and always encrypted."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from slidegenie.plan import Plan, Secret

from ...support.pem import own
from ..planned import CONTAINER, PASSWORD, application, files_in, labels, plain, platform, role
from ..plans import STACKS

_CHAIN, _KEY = own()
GIVEN = {
    "postgresPassword": "given-postgres-password-1",
    "redisPassword": "given-redis-password-2",
    "storageAccessKey": "given-access-key-3",
    "storageSecretKey": "given-secret-key-4",
    "tlsKey": _KEY,
    "registryPassword": "given-registry-password-6",
}


_APP, _BACKUP = "slidegenie-app-migrate-seed", "slidegenie-backup-backup-seed"


@pytest.fixture(scope="module")
def given() -> Plan:
    return platform(secrets=GIVEN, proxy={"tls": "files", "certificate": _CHAIN})


def texts(value: Any, path: str, *, secret: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Yield every text below `value`: where it is, what it says, and whether it is encrypted."""
    if isinstance(value, Secret):
        yield from texts(value.value, path, secret=True)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(str(key), f"{path}.<key>", secret=secret)
            yield from texts(item, f"{path}.{key}", secret=secret)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, path, secret=secret)
    else:
        yield path, str(value), secret


def places(plan: Plan, needle: str) -> dict[tuple[str, str], bool]:
    """Return where `needle` is, by resource and path, and whether it is encrypted there."""
    return {
        (resource.name, path): secret
        for resource in plan.resources
        for kind, values in (("inputs", resource.inputs), ("outputs", resource.outputs))
        for path, text, secret in texts(values, kind)
        if needle in text
    }


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("postgresPassword", {"slidegenie-postgres-login-seed", _APP}),
        ("redisPassword", {_APP}),
        ("storageAccessKey", {"slidegenie-minio-login-seed", _APP, _BACKUP}),
        ("storageSecretKey", {"slidegenie-minio-login-seed", _APP, _BACKUP}),
        ("tlsKey", {"slidegenie-traefik-certificate"}),
        ("registryPassword", set()),
    ],
)
def test_a_given_secret_is_in_the_files_of_its_consumers_only(given: Plan, name: str, seeds: set[str]) -> None:
    found = places(given, GIVEN[name])

    assert {resource for resource, _ in found} == seeds
    assert {path.removesuffix(".content").partition(".")[2] for _, path in found} <= {"uploads"}
    assert all(found.values()), "readable in the state"


def test_redis_knows_a_hash_of_its_password_and_even_that_is_encrypted(given: Plan) -> None:
    digest = hashlib.sha256(GIVEN["redisPassword"].encode()).hexdigest()
    found = places(given, digest)

    assert {resource for resource, _ in found} == {"slidegenie-redis-seed", "slidegenie-redis-login-seed"}
    assert all(found.values())
    administrator, deputy, backup = (
        hashlib.sha256(plain(given.named(f"slidegenie-redis-{role}").outputs["result"]).encode()).hexdigest()
        for role in ("administrator", "deputy", "snapshot-password")
    )
    assert files_in(given, "slidegenie-redis-secrets")["users.acl"] == (
        f"user default off\n"
        f"user slidegenie on #{digest} ~* &* +@all -@admin -@dangerous +info +keys\n"
        f"user administrator on #{administrator} -@all +ping +acl|setuser\n"
        f"user deputy on #{deputy} -@all +ping +acl|setuser\n"
        f"user health on nopass -@all +ping\n"
        f"user monitor on nopass -@all +ping +info +latency|latest +slowlog|len +slowlog|get\n"
        f"user backup on #{backup} ~* -@all +ping +info +dbsize +sync +psync +replconf +replicaof +flushall\n"
    )


def test_the_search_finds_what_is_no_secret(given: Plan) -> None:
    """Else the tests above would pass with a search that finds nothing."""
    assert (("slidegenie-postgres-1", "inputs.envs")) in places(given, "POSTGRES_USER=slidegenie")
    assert set(places(given, _CHAIN).values()) == {True}, "uploads are encrypted as a whole"


def test_given_secrets_are_not_generated_too(given: Plan) -> None:
    assert {password.name for password in given.of_type(PASSWORD)} == {
        "slidegenie-hash-key",
        "slidegenie-app-token-default",
        "slidegenie-postgres-administrator",
        "slidegenie-postgres-deputy",
        "slidegenie-redis-administrator",
        "slidegenie-redis-deputy",
        "slidegenie-storage-root-access",
        "slidegenie-storage-root-secret",
        "slidegenie-monitoring-postgres-password",
        "slidegenie-monitoring-grafana-password",
        "slidegenie-redis-snapshot-password",
        "slidegenie-backup-password",
        "slidegenie-backup-deputy",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_a_generated_secret_is_encrypted_wherever_it_is(plans: dict[str, Plan], stack: str) -> None:
    plan = plans[stack]
    passwords = plan.of_type(PASSWORD)
    assert {"slidegenie-postgres-login-password", "slidegenie-hash-key"} <= {password.name for password in passwords}
    for password in passwords:
        found = places(plan, plain(password.outputs["result"]))
        assert found.pop((password.name, "outputs.result")) is True
        assert all(found.values()), password.name
        assert {path.partition(".")[2].partition(".")[0] for _, path in found} <= {"uploads"}, password.name


def test_a_private_key_is_encrypted_wherever_it_is(plan: Plan) -> None:
    found = places(plan, "PRIVATE KEY")

    assert {resource for resource, _ in found} == {"slidegenie-traefik-certificate"}
    assert all(found.values())


def test_secret_files_are_uploaded_into_seeds_only(plan: Plan) -> None:
    for container in plan.of_type(CONTAINER):
        if role(container) != "seed":
            assert "uploads" not in container.inputs, container.name


def test_generated_passwords_outlive_the_containers(plan: Plan) -> None:
    """The data behind them does: a new password would lock everybody out."""
    for password in plan.of_type(PASSWORD):
        if password.name != "slidegenie-hash-key":
            assert password.protect is True, password.name
        assert password.inputs["special"] is False, "it ends up in URLs, access lists and shells"
        assert password.inputs["length"] >= 20


def test_the_application_reads_its_secrets_from_files(given: Plan) -> None:
    assert files_in(given, "slidegenie-app-secrets") == {
        "postgres-password": GIVEN["postgresPassword"],
        "redis-password": GIVEN["redisPassword"],
        "storage-access-key": GIVEN["storageAccessKey"],
        "storage-secret-key": GIVEN["storageSecretKey"],
    }
    variables = given.named("slidegenie-app-1").inputs["envs"]
    assert {variable for variable in variables if "_FILE=" in variable} == {
        "DATABASE_PASSWORD_FILE=/run/secrets/postgres-password",
        "REDIS_PASSWORD_FILE=/run/secrets/redis-password",
        "S3_ACCESS_KEY_FILE=/run/secrets/storage-access-key",
        "S3_SECRET_KEY_FILE=/run/secrets/storage-secret-key",
        "API_TOKENS_FILE=/run/tokens/tokens.json",
    }


def test_another_secret_is_another_volume() -> None:
    def content(password: str) -> dict[str, str]:
        plan = application(postgres={}, storage={}, secrets=GIVEN | {"postgresPassword": password})
        return {
            name: labels(plan.named(name, "docker:index/volume:Volume"))["io.slidegenie.content"]
            for name in (
                "slidegenie-postgres-secrets",
                "slidegenie-postgres-login-secrets",
                "slidegenie-app-secrets",
                "slidegenie-minio-secrets",
            )
        }

    first, second = content("one"), content("two")

    assert {name for name in first if first[name] != second[name]} == {
        "slidegenie-postgres-login-secrets",
        "slidegenie-app-secrets",
    }


def test_no_label_can_be_guessed_from_a_secret(given: Plan) -> None:
    """A plain hash of a short password in a label would be as good as the password."""
    volume = given.named("slidegenie-app-secrets", "docker:index/volume:Volume")
    files = json.dumps(files_in(given, "slidegenie-app-secrets"), sort_keys=True)
    guess = hashlib.sha256(files.encode()).hexdigest()[:16]

    assert labels(volume)["io.slidegenie.content"] != guess


def test_no_secret_is_made_by_a_resource_whose_id_is_its_value(plan: Plan) -> None:
    """An ID is readable in every state."""
    found = {r.type.rpartition(":")[2] for r in plan.resources if r.type.startswith("random:")}

    assert found <= {"RandomPassword", "RandomString", "RandomUuid7", "RandomId"}
    harmless = {
        "RandomString": ("-login", "-former"),
        "RandomUuid7": ("-made",),
        "RandomId": ("-app-", "-former-logins"),
    }
    for kind, parts in harmless.items():
        made = [r.name for r in plan.resources if r.type.endswith(f":{kind}")]
        assert [name for name in made if not any(part in name for part in parts)] == []
