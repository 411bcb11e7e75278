"""The secrets of a stack: read, trimmed and checked here, once, so that all who use one mean the same."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from ..addresses import url_problem
from ..base import Section
from ..texts import ENCRYPTED, VariableName, not_empty

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LEAST_GRAFANA = 4
"""Characters; Grafana refuses a shorter password."""


def _checked(problem: Callable[[str], str | None], *, trimmed: bool = True) -> AfterValidator:
    """Return what trims a secret and refuses the one that `problem` says a word about. The value is never shown."""

    def check(secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if trimmed:
            # A block of YAML and an editor end a text with a line break: some programs count it, and others do not.
            text = text.rstrip("\r\n")
        if not_empty(text) != ENCRYPTED and (found := problem(text)):
            raise ValueError(found)
        return SecretStr(text)

    return AfterValidator(check)


def _password(text: str) -> str | None:
    if _CONTROL.search(text):
        return "must be one line without control characters"
    if text != text.strip():
        return "must not begin or end with a space: who reads it from a file drops that; choose another"
    return None


def _grafana(text: str) -> str | None:
    if len(text) < _LEAST_GRAFANA:
        return f"must have at least {_LEAST_GRAFANA} characters, Grafana takes no shorter one"
    return _password(text)


def _url(text: str) -> str | None:
    # Why it is none would show a part of it.
    wrong = _password(text) or url_problem(text, ("http", "https"))
    return "must be a URL like https://hooks.example.com/..., without spaces" if wrong else None


def _text(text: str) -> str | None:
    """Let several lines pass: a key is such a text."""
    return "must be text without a NUL" if "\0" in text else None


_Password = Annotated[SecretStr, _checked(_password)]
_GrafanaPassword = Annotated[SecretStr, _checked(_grafana)]
_Url = Annotated[SecretStr, _checked(_url)]
_Text = Annotated[SecretStr, _checked(_text)]
_File = Annotated[SecretStr, _checked(_text, trimmed=False)]

_OF_THE_REPOSITORY = re.compile(r"RESTIC_(REPOSITORY|PASSWORD|CACHE_DIR|KEY_HINT|FROM_).*|HOME|PATH|TZ")


def _leave_the_repository_alone(credentials: Mapping[str, SecretStr] | None) -> Mapping[str, SecretStr] | None:
    for name in credentials or ():
        if _OF_THE_REPOSITORY.fullmatch(name):
            raise ValueError(
                f"{name} is the platform's own: backup.repository says where, secrets.backupPassword with what;"
                " remove it"
            )
    return credentials


class SecretsSettings(Section):
    """Secrets that are given. What is missing here and not bound to somebody else's service is generated once.

    A line break at the end of one is no part of it, but for `tlsKey`, a file.
    """

    postgres_password: _Password | None = None
    """Password of the PostgreSQL role. Default: generated; needed with `postgres.external`."""
    redis_password: _Password | None = None
    """Password of the Redis user. Default: generated; needed with `redis.external`."""
    storage_access_key: _Password | None = None
    """S3 access key; the built-in store wants 3 characters at least. Default: generated; needed with
    `storage.external`."""
    storage_secret_key: _Password | None = None
    """S3 secret key; the built-in store wants 8 characters at least. Default: generated; needed with
    `storage.external`."""
    registry_password: _Password | None = None
    """Password or token of the registry login; needed with `registry.address`."""
    signing_password: _Password | None = None
    """Password of the private key in `supplyChain.key`. Default: none; a generated key needs none."""
    backup_password: _Password | None = None
    """Password of the backup repository; without it nobody can read one, so keep a copy elsewhere. Default:
    generated."""
    backup_credentials: Annotated[dict[VariableName, _Text], AfterValidator(_leave_the_repository_alone)] | None = None
    """Variables with which restic reaches `backup.repository`, such as `AWS_ACCESS_KEY_ID` and
    `AWS_SECRET_ACCESS_KEY`. Default: none."""
    tls_key: _File | None = None
    """PEM private key; needed with `proxy.tls: files`."""
    acme_dns: dict[VariableName, _Text] = Field(default={})
    """What your DNS provider wants, by the names in the list at https://go-acme.github.io/lego/dns, such as
    `CF_DNS_API_TOKEN`; for `proxy.acme.challenge: dns`."""
    grafana_password: _GrafanaPassword | None = None
    """Password of Grafana's user `admin`, read when Grafana's database is made. Default: generated."""
    smtp_password: _Password | None = None
    """Password of the mail server; needed with `monitoring.email.username`."""
    slack_url: _Url | None = None
    """Incoming webhook of Slack; needed with `monitoring.slackChannel`."""
    alert_webhook_url: _Url | None = None
    """URL that every alert is posted to. Default: none."""
    deadman_url: _Url | None = None
    """URL that is posted to every minute while the monitoring works; a service there tells you when it stops, as
    nothing in here could. Default: none."""
