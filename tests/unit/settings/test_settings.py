"""Settings: what is right is read, and each mistake is one line that a person can act on."""

import json
from typing import Any

import pytest
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from components import Limits, Settings, SettingsError, load_settings, parse_settings
from components.settings import BackendSettings, RedisSettings, Target, TlsMode, Variant, reveal

from ...support.pem import own
from ..planned import recorded

MISTAKES = {
    "a typo in a section": (
        {"proxi": {}},
        "proxi: is not a known key; did you mean proxy?",
    ),
    "a typo in a key": (
        {"backend": {"replcas": 3}},
        "backend.replcas: is not a known key; did you mean backend.replicas?",
    ),
    "a typo deep down": (
        {"postgres": {"limits": {"memoryMb": 256}}},
        "postgres.limits.memoryMb: is not a known key; did you mean postgres.limits.memoryMib?",
    ),
    "the name a key has in Python": (
        {"redis": {"limits": {"memory_mib": 256}}},
        "redis.limits.memory_mib: is not a known key; did you mean redis.limits.memoryMib?",
    ),
    "the name in Python of a key without a default": (
        {"engine": {"data_root": "/data"}},
        "engine.data_root: is not a known key; did you mean engine.dataRoot?",
    ),
    "two tokens of one name": (
        {"backend": {"tokens": ["site", "app", "site"]}},
        "backend: tokens.2: 'site' is there already; give each token a name of its own",
    ),
    "a token with the name of a former one": (
        {"backend": {"tokens": ["site-former"]}},
        "backend: tokens.0: must not end with -former, the one before a token is called so",
    ),
    "a token whose name would not do in a file": (
        {"backend": {"tokens": ["My site"]}},
        "backend.tokens.0: has the wrong form; got 'My site', it must match ^[a-z][a-z0-9-]{0,30}$",
    ),
    "a key like no other": (
        {"engine": {"xyz": 1}},
        "engine.xyz: is not a known key; known here: dataRoot, caBundle, builder, socket, socketGroup",
    ),
    "a word for a number": (
        {"backend": {"replicas": "two"}},
        "backend.replicas: must be a whole number; got 'two'",
    ),
    "a fraction for a whole number": (
        {"backend": {"workers": 1.5}},
        "backend.workers: must be a whole number; got 1.5",
    ),
    "a number for text": (
        {"backend": {"environment": {"LEVEL": 5}}},
        "backend.environment.LEVEL: must be text; got 5",
    ),
    "a number in a list of texts": (
        {"registry": {"platforms": ["linux/amd64", 5]}},
        "registry.platforms.1: must be text; got 5",
    ),
    "a number for a group": (
        {"postgres": 5},
        "postgres: must be a group of keys; got 5",
    ),
    "a port that is too high": (
        {"proxy": {"httpPort": 70000}},
        "proxy.httpPort: must be less than or equal to 65535; got 70000",
    ),
    "a port that is too low": (
        {"proxy": {"httpsPort": 0}},
        "proxy.httpsPort: must be greater than or equal to 1; got 0",
    ),
    "one port for two": (
        {"proxy": {"httpPort": 443}},
        "proxy.httpsPort: must differ from proxy.httpPort, a port leads to one service; got 443 for both",
    ),
    "one port for the edge and the monitoring": (
        {"monitoring": {"ports": {"nodeExporter": 80}}},
        "monitoring.ports.nodeExporter: must differ from proxy.httpPort, a port leads to one service; got 80 for both",
    ),
    "one port for two of the monitoring": (
        {"monitoring": {"ports": {"prometheus": 9090, "alertmanager": 9090}}},
        (
            "monitoring.ports.alertmanager: must differ from monitoring.ports.prometheus, a port leads to one service;"
            " got 9090 for both"
        ),
    ),
    "a limit below the reservation": (
        {"postgres": {"limits": {"memoryMib": 256, "memoryReservationMib": 512}}},
        ("postgres.limits: memoryReservationMib must be at most memoryMib (256); got 512; lower it or raise memoryMib"),
    ),
    "data that does not fit the limit": (
        {"redis": {"maxmemoryMib": 250}},
        (
            "redis: maxmemoryMib must be at most three quarters of limits.memoryMib (192),"
            " the rest is for snapshots; got 250"
        ),
    ),
    "a choice that there is not": (
        {"backend": {"variant": "ubuntu"}},
        "backend.variant: must be one of debian, alpine; got 'ubuntu'",
    ),
    "choices that exclude each other": (
        {"backend": {"target": "minimal"}},
        "backend: target 'minimal' exists for variant 'alpine' only; set variant: alpine",
    ),
    "an image and what to build it from": (
        {"backend": {"image": "example/app:1", "context": "."}},
        "backend: image and context exclude each other; a ready image is not built: remove one of them",
    ),
    "an image and a stage": (
        {"backend": {"image": "example/app:1", "stage": "runtime", "healthCommand": ["/app"]}},
        "backend: image and context exclude each other; a ready image is not built: remove one of them",
    ),
    "an own application that does not say how to ask it": (
        {"backend": {"context": ".", "port": 3000}},
        (
            "backend: healthCommand is required with context or image: a program in your image that ends with 0 while"
            " /health/live answers 200, such as [wget, -qO-, http://127.0.0.1:3000/health/live]"
        ),
    ),
    "a health check of no command": (
        {"backend": {"image": "example/app:1", "healthCommand": []}},
        "backend.healthCommand: must have at least 1 item after validation, not 0; got []",
    ),
    "a stage of the reference": (
        {"backend": {"stage": "production"}},
        "backend: stage is one of your own Dockerfile; set context, or choose the reference's with target",
    ),
    "an image by tag where only what is signed may run": (
        {"backend": {"image": "example/app:1", "healthCommand": ["/app"]}, "supplyChain": {"require": "enforce"}},
        (
            "backend.image: needs a digest with supplyChain.require: enforce, as only a digest carries a signature"
            " and a tag may mean another image tomorrow; got 'example/app:1', append the @sha256:... you looked up"
        ),
    ),
    "an image whose name looks like an ID": (
        {"backend": {"image": "sha256:latest", "healthCommand": ["/app"]}, "supplyChain": {"require": "enforce"}},
        (
            "backend.image: needs a digest with supplyChain.require: enforce, as only a digest carries a signature"
            " and a tag may mean another image tomorrow; got 'sha256:latest', append the @sha256:... you looked up"
        ),
    ),
    "a cache that the builder cannot write": (
        {"registry": {"cache": "registry"}},
        (
            "registry: cache 'registry' is more than builder 'default' can; set cache: inline, or make a builder with"
            " `docker buildx create --name slidegenie --driver docker-container` and name it in builder"
        ),
    ),
    "an image without a tag": (
        {"images": {"redis": "redis"}},
        (
            "images.redis: must be name:tag with an optional digest, like docker.io/library/redis:8.2.1; got 'redis'"
            " (it has no tag, which would mean latest)"
        ),
    ),
    "a relative path": (
        {"engine": {"dataRoot": "data"}},
        (
            "engine.dataRoot: must be a path from the root, like /opt/slidegenie/data; got 'data' (it does not begin at"
            " the root)"
        ),
    ),
    "a URL for a name": (
        {"proxy": {"domain": "https://example.com"}},
        (
            "proxy.domain: must be a DNS name or an IPv4 address, like slides.example.com, without scheme, port or"
            " path; got 'https://example.com'"
        ),
    ),
    "a name for an address": (
        {"proxy": {"address": "everywhere"}},
        "proxy.address: must be an IP address of the Docker host, like 127.0.0.1 or 0.0.0.0; got 'everywhere'",
    ),
    "a variable with a dash": (
        {"backend": {"environment": {"log-level": "debug"}}},
        "backend.environment.log-level: has the wrong form; got 'log-level', it must match ^[A-Za-z_][A-Za-z0-9_]*$",
    ),
    "a key that is missing": (
        {"storage": {"external": {"region": "eu"}}},
        "storage.external.endpoint: is required; add it",
    ),
    "several platforms and a builder for one": (
        {"registry": {"address": "ghcr.io"}, "secrets": {"registryPassword": "x"}},
        (
            "registry: builder 'default' builds for one platform, platforms are linux/amd64, linux/arm64: make a"
            " builder with `docker buildx create --name slidegenie --driver docker-container` and name it in builder,"
            " or leave one platform"
        ),
    ),
    "a platform that is none": (
        {"registry": {"platforms": ["amd64"]}},
        ("registry.platforms.0: must be a platform of Linux containers, like linux/amd64 or linux/arm/v7; got 'amd64'"),
    ),
    "no platform": (
        {"registry": {"platforms": []}},
        "registry: platforms must name at least one, like linux/amd64; got none",
    ),
    "a signing key that is none": (
        {"supplyChain": {"key": "cosign.key"}},
        (
            "supplyChain.key: has the wrong form; got 'cosign.key', write it like generated, keyless,"
            " /etc/slidegenie/cosign.key or awskms:///alias/slidegenie"
        ),
    ),
    "keyless without anybody": (
        {"supplyChain": {"key": "keyless", "identity": "me@example.com"}},
        "supplyChain: key 'keyless' needs identity and issuer: anybody can get a certificate; say whose counts",
    ),
    "an identity beside a key": (
        {"supplyChain": {"identity": "me@example.com"}},
        "supplyChain: identity only counts with key: keyless; got 'generated', remove it",
    ),
    "a public key beside keyless": (
        {"supplyChain": {"key": "keyless", "identity": "me", "issuer": "https://id.example.com", "publicKey": "/k"}},
        "supplyChain: publicKey and key 'keyless' exclude each other; remove one of them",
    ),
    "a registry without its password": (
        {"registry": {"address": "ghcr.io", "platforms": ["linux/amd64"]}},
        (
            "secrets.registryPassword: is required with registry.address; set it with"
            " `pulumi config set --secret --path secrets.registryPassword`"
        ),
    ),
    "a database of somebody else's without its password": (
        {"postgres": {"external": {"host": "db.example.com"}}},
        (
            "secrets.postgresPassword: is required with postgres.external; set it with"
            " `pulumi config set --secret --path secrets.postgresPassword`"
        ),
    ),
    "a webhook of Slack without a channel": (
        {"secrets": {"slackUrl": "https://hooks.example.com/1"}},
        "secrets.slackUrl: has no use without monitoring.slackChannel; set that or remove this",
    ),
    "a password for mail that nobody sends": (
        {"secrets": {"smtpPassword": "mail-word"}},
        "secrets.smtpPassword: has no use without monitoring.email.username; set that or remove this",
    ),
    "a password for mail without a user": (
        {
            "monitoring": {"email": {"to": "a@x.org", "sender": "b@x.org", "smarthost": "mx.x.org:587"}},
            "secrets": {"smtpPassword": "mail-word"},
        },
        "secrets.smtpPassword: has no use without monitoring.email.username; set that or remove this",
    ),
    "an own certificate that is not there": (
        {"proxy": {"tls": "files"}, "secrets": {"tlsKey": "PEM"}},
        "proxy.certificate: is required with proxy.tls: files; give the PEM chain or set proxy.tls: local",
    ),
    "a secret that is no text": (
        {"secrets": {"redisPassword": 12345}},
        "secrets.redisPassword: must be text; got a value that is not shown",
    ),
}


def problems(values: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(values, "Pulumi.test.yaml")
    return caught.value.problems


@pytest.mark.parametrize(("values", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(values: dict[str, Any], line: str) -> None:
    assert problems(values) == [line]


def test_nothing_said_is_all_defaults() -> None:
    settings = parse_settings({}, "Pulumi.test.yaml")

    assert settings == Settings()
    assert settings.backend.variant is Variant.DEBIAN
    assert settings.backend.target is Target.PRODUCTION
    assert settings.proxy.tls is TlsMode.LOCAL
    assert settings.proxy.address == "127.0.0.1"


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        {
            "proxi": {},
            "backend": {"replicas": "two", "target": "minimal"},
            "proxy": {"httpPort": 70000, "backendPort": 443},
            "redis": {"maxmemoryMib": 1000, "limit": {}},
            "registry": {"address": "ghcr.io", "platforms": ["linux/amd64"]},
            "postgres": {"limits": {"memoryMib": 64, "memoryReservationMib": 65}},
        }
    )

    assert found == [
        "backend.replicas: must be a whole number; got 'two'",
        ("postgres.limits: memoryReservationMib must be at most memoryMib (64); got 65; lower it or raise memoryMib"),
        "proxi: is not a known key; did you mean proxy?",
        "proxy.backendPort: must differ from proxy.httpsPort, a port leads to one service; got 443 for both",
        "proxy.httpPort: must be less than or equal to 65535; got 70000",
        "redis.limit: is not a known key; did you mean redis.limits?",
        (
            "redis: maxmemoryMib must be at most three quarters of limits.memoryMib (192),"
            " the rest is for snapshots; got 1000"
        ),
        (
            "secrets.registryPassword: is required with registry.address; set it with"
            " `pulumi config set --secret --path secrets.registryPassword`"
        ),
    ]


def test_a_rule_over_a_wrong_value_is_not_told() -> None:
    """With the wrong limit left out, the default would be what does not fit: a line that misleads."""
    assert problems({"postgres": {"limits": {"memoryMib": "1g", "memoryReservationMib": 600}}}) == [
        "postgres.limits.memoryMib: must be a whole number; got '1g'"
    ]
    assert problems({"proxy": {"tls": "files", "certificate": 5}, "secrets": {"tlsKey": 6}}) == [
        "proxy.certificate: must be text; got 5",
        "secrets.tlsKey: must be text; got a value that is not shown",
    ]
    assert problems({"proxy": {"httpPort": 70000}, "monitoring": {"ports": {"cadvisor": 80}}}) == [
        "proxy.httpPort: must be less than or equal to 65535; got 70000"
    ]


def test_a_port_that_nobody_publishes_may_be_said_twice() -> None:
    ports = {"grafana": 8080, "cadvisor": 8080}
    running = {"grafana": False, "cadvisor": False, "ports": ports}

    assert parse_settings({"proxy": {"httpPort": 8080}, "monitoring": running}, "x").monitoring.published() == {}
    assert parse_settings({"monitoring": {"enabled": False, "ports": ports}}, "x").monitoring.published() == {}


def test_mistakes_between_sections_are_told_at_once() -> None:
    found = problems(
        {
            "redis": {"external": {"host": "redis.example.com"}},
            "proxy": {"backendPort": 80},
            "supplyChain": {"vendors": {"grafana": {"publicKey": "/key"}}},
        }
    )

    assert [line.partition(":")[0] for line in found] == [
        "images.grafana",
        "proxy.backendPort",
        "secrets.redisPassword",
    ]


def test_each_line_names_the_file() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings({"proxi": {}, "redis": 1}, "Pulumi.prod.yaml")

    assert str(caught.value).split("\n") == [
        "Pulumi.prod.yaml: proxi: is not a known key; did you mean proxy?",
        "Pulumi.prod.yaml: redis: must be a group of keys; got 1",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"secrets": {"postgresPassword": "hunter2", "redisPasword": "hunter2", "tlsKey": {"a": "hunter2"}}},
        {"secrets": {"postgresPassword": ["hunter2"]}},
        {"secrets": "hunter2"},
        {"secret": {"postgresPassword": "hunter2"}},
        {"secrets": {"postgresPassword": "hunter2"}, "registry": {"address": "ghcr.io", "platforms": ["linux/amd64"]}},
    ],
    ids=["typo", "list", "no group", "typo in the section", "another one missing"],
)
def test_a_mistake_never_shows_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(values, "Pulumi.test.yaml")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "a traceback would show pydantic's error"


def test_settings_never_print_a_secret() -> None:
    settings = parse_settings({"secrets": {"postgresPassword": "hunter2"}}, "Pulumi.test.yaml")

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
    assert reveal(settings.secrets.postgres_password) == "hunter2"
    assert reveal(settings.secrets.redis_password) is None


def test_a_group_said_in_part_keeps_the_defaults_of_its_section() -> None:
    settings = parse_settings({"redis": {"limits": {"cpus": 2}}, "backend": {"limits": {"pids": 100}}}, "x")

    assert settings.redis.limits == Limits(memory_mib=256, cpus=2)
    assert settings.backend.limits == Limits(memory_mib=512, pids=100)


def test_what_is_given_lifts_the_need_for_more() -> None:
    chain, key = own()
    settings = parse_settings(
        {
            "registry": {"address": "ghcr.io", "platforms": ["linux/amd64"]},
            "storage": {"external": {"endpoint": "https://s3.example.com"}},
            "proxy": {"tls": "files", "certificate": chain},
            "secrets": {"registryPassword": "a", "storageAccessKey": "b", "storageSecretKey": "c", "tlsKey": key},
        },
        "x",
    )

    assert settings.storage.external is not None
    assert settings.storage.external.region == "us-east-1"


def test_both_keys_of_a_store_of_somebody_else_are_asked_for() -> None:
    found = problems({"storage": {"external": {"endpoint": "https://s3.example.com"}}})

    assert [line.partition(":")[0] for line in found] == ["secrets.storageAccessKey", "secrets.storageSecretKey"]


def test_code_uses_names_of_python() -> None:
    assert RedisSettings(maxmemory_mib=64, limits=Limits(memory_mib=128)).limits.memory_mib == 128
    with pytest.raises(ValidationError, match="three quarters"):
        RedisSettings(maxmemory_mib=128, limits=Limits(memory_mib=128))


def test_settings_do_not_change_later() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        BackendSettings().replicas = 5


@pytest.mark.parametrize("late", ["1", "0", None], ids=["true", "false", "missing"])
def test_the_configuration_of_a_stack_is_read_as_pulumi_hands_it_over(late: str | None) -> None:
    """Groups come as JSON text; keys of other projects and providers are none of ours."""
    read: list[Settings] = []
    given = {
        "slidegenie:backend": json.dumps({"replicas": 4, "environment": {"FLAG": late}} if late else {"replicas": 4}),
        "slidegenie:proxy": json.dumps({"domain": "slides.example.com"}),
        "docker:host": "ssh://somewhere",
        "slidegenie-other:proxi": "x",
    }

    def program() -> None:
        runtime_config.set_all_config(given, [])
        read.append(load_settings())

    recorded(program)
    assert read[0].backend.replicas == 4
    assert read[0].backend.environment == ({"FLAG": late} if late else {})
    assert read[0].proxy.domain == "slides.example.com"


def test_a_key_that_nobody_would_read_is_named_and_those_of_others_are_left_alone() -> None:
    def program() -> None:
        given = {"slidgenie:backup": "{}", "docker:host": "ssh://host", "slidegenie:redis": "5"}
        runtime_config.set_all_config(given, [])
        load_settings()

    with pytest.raises(SettingsError) as caught:
        recorded(program)

    assert caught.value.problems == [
        "slidgenie:backup: is in namespace 'slidgenie', so nothing reads it; did you mean slidegenie:backup?",
        "redis: must be a group of keys; got '5'",
    ]


def test_a_typo_in_a_stack_file_is_named_with_the_file() -> None:
    def program() -> None:
        runtime_config.set_all_config({"slidegenie:proxi": "{}", "slidegenie:redis": "{not json"}, [])
        load_settings()

    with pytest.raises(SettingsError) as caught:
        recorded(program)

    assert caught.value.source == "Pulumi.test.yaml"
    assert caught.value.problems == [
        "proxi: is not a known key; did you mean proxy?",
        "redis: must be a group of keys; got '{not json'",
    ]


def test_code_says_fields_by_their_names_at_every_depth_and_keeps_the_other_defaults() -> None:
    settings = Settings(proxy={"http_port": 8081}, redis={"limits": {"memory_mib": 300}})  # type: ignore[arg-type]
    plain = Settings()
    assert settings.proxy == plain.proxy.model_copy(update={"http_port": 8081})
    assert settings.redis.limits == plain.redis.limits.model_copy(update={"memory_mib": 300})
    assert Settings.model_validate({"proxy": {"httpPort": 8081}}).proxy == settings.proxy
