"""What a setting may be is what its consumer takes: each mistake is one line that says so."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from components import SettingsError, parse_settings
from components.settings import SecretsSettings, Section, reveal

from ...support.pem import own, root
from ..planned import application, environment

ROOT = root()
DIGEST = "sha256:" + "a" * 64
_CRON = "five fields of cron in UTC: minute, hour, day of the month, month, day of the week, like 30 4 * * 0"
_NO_PATH = "is no path: lower-case letters and digits, with single dots, dashes and underscores between them"

Case = tuple[dict[str, Any], str]


def nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


def problems(values: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(values, "Pulumi.test.yaml")
    return caught.value.problems


def said(path: str, value: Any, line: str) -> Case:
    return nested(path, value), f"{path}: {line}"


def refused(path: str, wanted: str, value: Any, why: str = "") -> Case:
    return said(path, value, f"must be {wanted}; got {value!r}{f' ({why})' if why else ''}")


def schedule(value: str, why: str, *, key: str = "schedule") -> Case:
    return refused(f"backup.{key}", _CRON if key == "schedule" else f"{_CRON}, or off", value, why)


def image(value: str, why: str) -> Case:
    return refused("images.redis", "name:tag with an optional digest, like docker.io/library/redis:8.2.1", value, why)


def host_path(path: str, value: str, why: str) -> Case:
    return refused(path, "a path from the root, like /opt/slidegenie/data", value, why)


def volume(value: str, why: str) -> Case:
    wanted = "a folder of its own in the container, from the root, like /app/uploads"
    return refused("backend.volumes.uploads", wanted, value, why)


def domain(value: str) -> Case:
    wanted = "a DNS name or an IPv4 address, like slides.example.com, without scheme, port or path"
    return refused("proxy.domain", wanted, value)


def bucket(value: str, why: str = "") -> Case:
    wanted = "3 to 63 lower-case letters, digits, dots and dashes, with a letter or digit at both ends, like decks"
    return refused("storage.bucket", wanted, value, why)


def repository(value: str, why: str) -> Case:
    wanted = "s3:https://host/bucket, rest:https://host/, or b2:, azure:, gs: or swift: with container:/path"
    return refused("backup.repository", wanted, value, why)


def host_port(path: str, where: str, values: Any, got: str) -> Case:
    wanted = "must be host:port with a port from 1 to 65535, like smtp.example.com:587"
    return nested(path, values), f"{where}: {wanted}; got {got!r}"


def mail(**changes: str) -> dict[str, str]:
    return {"to": "a@example.com", "sender": "b@example.com", "smarthost": "mx.example.com:587", **changes}


def trusted(value: str, why: str = "") -> Case:
    wanted = "must be an address or a network, like 10.0.0.7 or 10.0.0.0/24"
    line = f"proxy.trustedProxies.0: {wanted}; got {value!r}{f' ({why})' if why else ''}"
    return {"proxy": {"clientAddress": "forwardedFor", "trustedProxies": [value]}}, line


def external_postgres(**changes: Any) -> dict[str, Any]:
    return {
        "postgres": {"external": {"host": "db.example.com", **changes}},
        "secrets": {"postgresPassword": "given"},
    }


_NEVER = "no such day of the month, in the months it names"
_STEP_BESIDE = "a step over all days cannot stand beside the other field of days; name the days, or say * in one"
_EACH = "each field is *, a number, a range like 1-5, several by commas; a step like /15 follows * or a range"
_BAD_PORT = "its port is not between 1 and 65535, or its address is none"
_PEM = "must be certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"

REFUSED: list[Case] = [
    # Schedules, as supercronic reads them.
    schedule("0 0 31 2 *", _NEVER, key="drillSchedule"),
    schedule("0 0 31 4,6 *", _NEVER, key="drillSchedule"),
    schedule("0 25 * * *", "no such hour", key="checkSchedule"),
    schedule("60 1 * * *", "no such minute"),
    schedule("0 1 * 13 *", "no such month"),
    schedule("0 1 * * 8", "no such day of week"),
    schedule("*/60 * * * *", "a step in */60 is not between 1 and 59"),
    schedule("*/0 1 * * *", "a step in */0 is not between 1 and 59"),
    schedule("0 1 * * 5-7", "a range of weekdays ends on 6 at most; Sunday is 0, or 7 alone"),
    schedule("0 22-4 * * *", "a range in 22-4 does not go upwards"),
    schedule("0 1 */2 * 1", _STEP_BESIDE),
    schedule("5/10 1 * * *", _EACH),
    schedule("0 1 * * MON", _EACH),
    schedule("0 1 * *", _EACH),
    schedule("0 1 * * * *", _EACH),
    schedule("off", _EACH),
    # A boolean is no number, and a number no boolean.
    refused("proxy.backendPort", "a whole number", True),
    refused("backend.replicas", "a whole number", True),
    refused("engine.socketGroup", "a whole number", False),
    refused("backend.limits.cpus", "a number", True),
    refused("backup.enabled", "true or false", 1),
    refused("backup.enabled", "true or false", "perhaps"),
    said("backend.limits.cpus", 0.001, "must be greater than or equal to 0.01; got 0.001"),
    refused("backend.limits.cpuset", "cores or ranges from low to high, like 0-1 or 0,2", "3-1"),
    # Images, by the grammar of `distribution`.
    image("Redis:8", f"'library/Redis' {_NO_PATH}"),
    image("docker.io//redis:8", f"'/redis' {_NO_PATH}"),
    image("docker.io/redis..x:8", f"'library/redis..x' {_NO_PATH}"),
    image("redis:-8", "'-8' is no tag, which is up to 128 letters, digits, dots, dashes and underscores"),
    image("redis:8@sha256:abc", "'sha256:abc' is no digest, which is sha256: and 64 digits of 0-9 and a-f"),
    image("r.example.com:70000/redis:8", "port 70000 is not between 1 and 65535"),
    image(f"redis@{DIGEST}", "it has no tag, which would mean latest"),
    image(DIGEST, "that is an image's ID"),
    refused(
        "images.mirror",
        "a registry as host[:port][/path], like registry.example.com/mirror",
        "mirror.example.com//hub",
        f"'/hub' {_NO_PATH}",
    ),
    refused(
        "registry.address",
        "a registry as host[:port], like ghcr.io",
        "ghcr.io:99999",
        "port 99999 is not between 1 and 65535",
    ),
    refused("registry.namespace", "a path in the registry, like acme/slides", "acme__-x", f"'acme__-x' {_NO_PATH}"),
    refused("registry.username", "a user without a colon, which ends it in a login", "me:too"),
    said("registry.username", "", "is empty; give it, or remove the key"),
    # Paths.
    host_path("engine.dataRoot", "/", "it is the root itself"),
    host_path("engine.dataRoot", "/opt/../etc", "it has an empty part, . or .. in it"),
    host_path("engine.socket", "run/docker.sock", "it does not begin at the root"),
    host_path("backup.path", "/mnt/my disk", "it has a space, or a letter that is not ASCII, in it"),
    volume("/app/uploads:ro", "a path has no options: it is always mounted to be written"),
    volume("/run/secrets", "the platform's secrets are there"),
    volume("/run/secrets/uploads", "the platform's secrets are there"),
    volume("/run", "the platform's secrets are there"),
    volume("/tmp", "the platform mounts a folder in memory there"),  # noqa: S108 - a folder of the container
    volume("/etc/app", "/etc is the engine's"),
    volume("/usr", "programs are there"),
    volume("/app/../etc", "it has an empty part, . or .. in it"),
    volume("uploads", "it does not begin at the root"),
    volume("/", "it is the root itself"),
    (
        {"backend": {"volumes": {"code": "/app"}}},
        "backend: volumes.code: /app is the application's code; choose a folder like /app/uploads",
    ),
    (
        {"backend": {"volumes": {"a": "/app/x", "b": "/app/x/"}}},
        "backend: volumes.b: is in the place of volumes.a, /app/x; choose another folder",
    ),
    said("backup.after", " ", "is empty; give it, or remove the key"),
    said("backend.context", "", "is empty; give it, or remove the key"),
    # Hosts, ports and URLs.
    domain("slides..example.com"),
    domain("300.1.1.1"),
    domain("slides-.example.com"),
    domain("a" * 64 + ".example.com"),
    domain(""),
    refused("proxy.address", "an IP address of the Docker host, like 127.0.0.1 or 0.0.0.0", "fe80::1%eth0"),
    trusted("10.0.0.0/255.255.255.0"),
    trusted("10.0.0.0/0.0.0.255"),
    trusted("10.0.0.0/33", "'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"),
    refused("proxy.acme.email", "one mail address, like ops@example.com", "ops@localhost"),
    host_port("proxy.acme.dns.resolvers", "proxy.acme.dns.resolvers.0", ["1.1.1.1:65536"], "1.1.1.1:65536"),
    host_port("monitoring.email", "monitoring.email.smarthost", mail(smarthost="mx.org:70000"), "mx.org:70000"),
    (
        {"monitoring": {"email": mail(to="nobody")}},
        (
            "monitoring.email.to: must be mail addresses by commas, like ops@example.com, Anna <anna@example.com>; got"
            " 'nobody'"
        ),
    ),
    (
        {"monitoring": {"email": mail(sender="a@example.com, b@example.com")}},
        (
            "monitoring.email.sender: must be one mail address, like alerts@example.com or Alerts <alerts@example.com>;"
            " got 'a@example.com, b@example.com'"
        ),
    ),
    refused(
        "monitoring.runbookUrl",
        "a URL like https://git.example.com/slides",
        'https://example.com/"x"',
        "'\"' has to be written as %22",
    ),
    refused(
        "monitoring.runbookUrl",
        "a URL like https://git.example.com/RUNBOOK.md",
        "https://example.com/RUNBOOK.md#top",
        "what is behind # is the alert's place",
    ),
    refused("backend.origin.source", "a URL like https://git.example.com/slides", "https://x:0/y", _BAD_PORT),
    said(
        "backend.origin.source",
        "https://me:token@git.example.com/x",
        "has a login in its URL, where everybody can read it; write it like https://git.example.com/slides",
    ),
    refused("backend.origin.created", "a date from 1970 on, like 2026-01-31T12:00:00Z", "1969-12-31T23:59:59+00:00"),
    refused("backend.origin.created", "a date, like 2027-12-31, or with a time, like 2027-12-31T12:00:00Z", 20260131),
    refused(
        "backend.origin.created", "a date, like 2027-12-31, or with a time, like 2027-12-31T12:00:00Z", "1700000000"
    ),
    repository("s3:bucket", "it names no bucket behind the host"),
    repository("s3:https://s3.example.com:99999/x", _BAD_PORT),
    repository("rest:backup.example.com/", "it does not begin with http:// or https://"),
    repository("sftp:host:/x", "'sftp' is none of s3, rest, b2, azure, gs, swift"),
    repository("b2:bucket", "it names no container:/path"),
    # Data stores of somebody else.
    bucket("my..decks", "a dot stands between letters or digits"),
    bucket("my.-decks", "a dot stands between letters or digits"),
    bucket("192.168.0.1", "an address is no name"),
    bucket("xn--decks", "S3 keeps names that begin or end so for itself"),
    bucket("Decks"),
    bucket("ab"),
    bucket("a" * 64),
    (
        external_postgres(host=""),
        (
            "postgres.external.host: must be a DNS name or an IP address, like db.example.com, without scheme, port or"
            " path; got ''"
        ),
    ),
    (
        external_postgres(database=""),
        "postgres.external.database: must be a name of 1 to 63 bytes in one line; got ''",
    ),
    (
        external_postgres(sslmode="verify"),
        "postgres.external.sslmode: must be one of disable, prefer, require, verify-ca, verify-full; got 'verify'",
    ),
    (
        external_postgres(sslmode="verify-full", rootCertificate="/etc/ca.pem"),
        f"postgres.external.rootCertificate: {_PEM}",
    ),
    (
        external_postgres(rootCertificate=ROOT),
        ("postgres.external: rootCertificate has no use with sslmode 'require'; set it to verify-full, or remove it"),
    ),
    (
        {"redis": {"external": {"host": "cache", "user": "a b"}}, "secrets": {"redisPassword": "given"}},
        "redis.external.user: must be a user's name without spaces; got 'a b'",
    ),
    # What ends up in a header, a variable, a file.
    said("proxy.headers", {"X Note": "a"}, "must be names of headers, like X-Robots-Tag; got 'X Note'"),
    said("proxy.headers", {"X-A": "a\r\nX-B: b"}, "X-A must be one line of text; got 'a\\r\\nX-B: b'"),
    said("proxy.headers", {"X-A": "a", "x-a": "b"}, "x-a and X-A are one header; remove one of them"),
    said(
        "proxy.headers",
        {"Content-Length": "5"},
        "Content-Length says how an answer is sent, which only who sends it knows; remove it",
    ),
    refused("backend.environment.FLAG", "text without a NUL, which would end it", "a\0b"),
    (
        {"backend": {"environment": {"DATABASE_HOST": "elsewhere"}}},
        (
            "backend: environment.DATABASE_HOST: follows from postgres.external; say it there, or give your variable"
            " another name"
        ),
    ),
    said("backend.release", "1 2", "has the wrong form; got '1 2', write it like 1.4.2"),
    said("backend.release", "a" * 101, f"has the wrong form; got '{'a' * 101}', write it like 1.4.2"),
    said("maintenance.scanAt", "24:00", "has the wrong form; got '24:00', write it like 02:00"),
    # Secrets, which are never shown.
    said("secrets.redisPassword", "", "is empty; give it, or remove the key"),
    said("secrets.redisPassword", "\n", "is empty; give it, or remove the key"),
    said("secrets.redisPassword", "two\nlines", "must be one line without control characters"),
    said(
        "secrets.redisPassword",
        " hunter2",
        "must not begin or end with a space: who reads it from a file drops that; choose another",
    ),
    said("secrets.grafanaPassword", "abc", "must have at least 4 characters, Grafana takes no shorter one"),
    said(
        "secrets.alertWebhookUrl",
        "hooks.example.com/hunter2",
        "must be a URL like https://hooks.example.com/..., without spaces",
    ),
    said("secrets.storageAccessKey", "ab", "must have at least 3 characters, MinIO takes no shorter one"),
    said("secrets.storageAccessKey", "a=b", 'must have no = , " or \\ in it, MinIO and its client trip over them'),
    said("secrets.storageSecretKey", "1234567", "must have at least 8 characters, MinIO takes no shorter one"),
    (
        {"secrets": {"backupCredentials": {"RESTIC_PASSWORD_COMMAND": "hunter2"}}},
        (
            "secrets.backupCredentials: RESTIC_PASSWORD_COMMAND is the platform's own: backup.repository says where,"
            " secrets.backupPassword with what; remove it"
        ),
    ),
]


@pytest.mark.parametrize(
    ("values", "line"), REFUSED, ids=[f"{n} {values!r:.70}" for n, (values, _) in enumerate(REFUSED)]
)
def test_what_a_consumer_would_not_take_is_one_line(values: dict[str, Any], line: str) -> None:
    assert problems(values) == [line]


TAKEN: list[tuple[str, Any]] = [
    *(("backup.schedule", value) for value in ("*/15 * * * *", "0 1 * * 7", "0 0 29 2 *", "0 1-5/2 1,15 * *")),
    *(("backup.drillSchedule", value) for value in ("off", "0 4 * * 1-6", "0 0 31 2 1")),
    ("backup.checkSchedule", "off"),
    *(("proxy.backendPort", value) for value in (8000, "8000", 8000.0)),
    *(("backup.enabled", value) for value in (True, "true")),
    *(("backend.limits.cpus", value) for value in (2, "0.5", 0.01)),
    *(("images.redis", value) for value in ("redis:8", "r.example.com:5000/a/b__c-d.e:V_1", f"redis:8@{DIGEST}")),
    ("images.redis", "[2001:db8::1]:5000/redis:8"),
    *(("images.mirror", value) for value in ("localhost:5000", "mirror.example.com/hub/x")),
    *(("backend.volumes.uploads", value) for value in ("/app/uploads", "/data", "/var/lib/app", "/srv/run/secrets")),
    *(("proxy.domain", value) for value in ("localhost", "192.0.2.7", "xn--bcher-kva.example", "Slides.Example.com")),
    ("proxy.address", "::1"),
    ("backup.before", "set -e\nsync\n"),
    *(("storage.bucket", value) for value in ("abc", "my.decks-2", "1a1", "a" * 63)),
    *(("monitoring.email", mail(to=value)) for value in ("a@x.org, b@y.org", "Anna B <anna@x.org>")),
    *(("proxy.acme.dns.resolvers", [value]) for value in ("1.1.1.1:53", "[2606:4700::1111]:53", "dns.example:53")),
    *(
        ("backup.repository", value)
        for value in ("s3:s3.example.com/x", "rest:http://10.0.0.7:8000/", "b2:bucket:x", "azure:name:/")
    ),
    *(("proxy.headers", value) for value in ({"X_Note!": "a\tb"}, {"Server": ""})),
    ("backend.environment.http_proxy", "http://proxy:3128"),
    ("backend.environment.FORWARDED_ALLOW_IPS", "*"),
    ("secrets.storageSecretKey", "12345678"),
]


@pytest.mark.parametrize(("path", "value"), TAKEN, ids=[f"{path}={value!r:.60}" for path, value in TAKEN])
def test_what_a_consumer_takes_is_taken(path: str, value: Any) -> None:
    values = nested(path, value)
    if path == "backup.repository":
        values["secrets"] = {"backupCredentials": {"KEY": "x"}}

    parse_settings(values, "Pulumi.test.yaml")


def test_networks_that_traefik_reads_are_taken() -> None:
    networks = ["10.0.0.7", "10.0.0.0/24", "2001:db8::/32", "::1"]
    values = {"clientAddress": "forwardedFor", "trustedProxies": networks}

    assert list(parse_settings({"proxy": values}, "x").proxy.trusted_proxies) == networks


@pytest.mark.parametrize("host", ["db", "my_db.internal", "10.0.0.7", "2001:db8::1", "db.example.com"])
def test_a_store_elsewhere_may_have_any_name_that_a_client_can_look_up(host: str) -> None:
    external = parse_settings(external_postgres(host=host), "x").postgres.external

    assert external is not None
    assert external.host == host


def test_numbers_that_pulumi_hands_over_as_text_are_numbers() -> None:
    settings = parse_settings({"proxy": {"httpPort": "8081"}, "backend": {"limits": {"cpus": "0.5"}}}, "x")

    assert (settings.proxy.http_port, settings.backend.limits.cpus) == (8081, 0.5)


def test_a_boolean_in_a_list_or_map_of_numbers_is_refused_too() -> None:
    class Counted(Section):
        ceilings: dict[str, int]
        ports: tuple[int, ...] = ()

    assert Counted(ceilings={"nofile": 5}, ports=(1,)).ports == (1,)
    with pytest.raises(ValidationError, match="nofile must be a whole number; got True"):
        Counted(ceilings={"nofile": True})
    with pytest.raises(ValidationError, match="1 must be a whole number; got False"):
        Counted(ceilings={}, ports=(1, False))


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_secret_has_no_line_break_at_its_end_whoever_reads_it(ending: str) -> None:
    given = {f"{key}": f"given-{key}{ending}" for key in ("postgresPassword", "redisPassword", "storageSecretKey")}
    secrets = parse_settings({"secrets": given | {"acmeDns": {}}}, "x").secrets

    assert reveal(secrets.postgres_password) == "given-postgresPassword"
    assert reveal(secrets.redis_password) == "given-redisPassword"
    assert reveal(secrets.storage_secret_key) == "given-storageSecretKey"
    code = SecretsSettings(redis_password=SecretStr(f"given{ending}"))
    assert reveal(code.redis_password) == "given"


def test_a_key_is_a_file_and_stays_as_it_is() -> None:
    _, key = own()
    assert reveal(parse_settings({"secrets": {"tlsKey": key}}, "x").secrets.tls_key) == key
    assert key.endswith("\n")


def test_what_is_encrypted_in_a_plan_is_not_judged() -> None:
    given = {"storageAccessKey": "encrypted", "alertWebhookUrl": "encrypted", "grafanaPassword": "encrypted"}

    assert reveal(parse_settings({"secrets": given}, "x").secrets.alert_webhook_url) == "encrypted"


def test_short_keys_are_the_business_of_a_store_elsewhere() -> None:
    values = {
        "storage": {"external": {"endpoint": "https://s3.example.com"}},
        "secrets": {"storageAccessKey": "a", "storageSecretKey": "b"},
    }

    assert reveal(parse_settings(values, "x").secrets.storage_access_key) == "a"


def test_a_refused_secret_is_never_shown() -> None:
    given = {
        "redisPassword": "hunter2\nhunter2",
        "slackUrl": "hunter2",
        "acmeDns": {"TOKEN": "hunter2\0"},
        "storageSecretKey": "hunter2",
    }

    assert [line for line in problems({"secrets": given}) if "hunter2" in line] == []
    assert len(problems({"secrets": given})) == 4


def test_every_variable_that_the_platform_sets_is_refused_but_the_one_that_may_be_said_anew() -> None:
    ca = {"sslmode": "verify-full", "rootCertificate": ROOT}
    plan = application(postgres={"external": {"host": "db.example.com"} | ca})
    names = environment(plan.named("slidegenie-app-1")).keys()
    lines = problems({"backend": {"environment": dict.fromkeys(names, "x")}})

    assert {line.split(": ")[1].removeprefix("environment.") for line in lines} == names - {"FORWARDED_ALLOW_IPS"}
