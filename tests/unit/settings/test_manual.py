"""The manual of the settings says what they are."""

import datetime

import pytest
from pydantic.fields import FieldInfo

from scripts import settings_manual as manual


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    """Return type and default of each key, by its path."""
    found, section = {}, ""
    for line in manual.manual().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        if line.startswith("| `"):
            key, kind, default, _ = (cell.strip() for cell in line.strip("|").split(" | ", 3))
            found[f"{section}.{key.strip('`')}"] = (kind, default)
    return found


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("monitoring.enabled", "true or false", "`true`"),
        ("backup.redis", "true or false", "`true`"),
        ("backend.origin.created", "date and time", "-"),
        ("backend.replicas", "whole number from 1 to 50", "`2`"),
        ("registry.platforms", "list", "`linux/amd64, linux/arm64`"),
        ("backup.volumes", "list", "-"),
        ("backend.environment", "map of texts", "-"),
        ("proxy.tls", "`local` or `files` or `acme`", "`local`"),
        ("secrets.tlsKey", "secret text", "-"),
        ("secrets.acmeDns", "map of secret texts", "-"),
        ("secrets.backupCredentials", "map of secret texts", "-"),
    ],
)
def test_a_key_is_called_what_it_is(rows: dict[str, tuple[str, str]], key: str, kind: str, default: str) -> None:
    assert rows[key] == (kind, default)


def test_defaults_within_a_group_are_those_of_its_section(rows: dict[str, tuple[str, str]]) -> None:
    limits = {
        group: tuple(rows[f"{group}.{key}"][1] for key in ("memoryMib", "cpus", "pids"))
        for group in ("backend.limits", "monitoring.cadvisorLimits", "monitoring.smallLimits")
    }
    assert limits == {
        "backend.limits": ("`512`", "-", "-"),
        "monitoring.cadvisorLimits": ("`192`", "`0.5`", "-"),
        "monitoring.smallLimits": ("`64`", "`0.25`", "`64`"),
    }


def test_required_is_only_what_nothing_stands_in_for(rows: dict[str, tuple[str, str]]) -> None:
    assert {key for key, (_, default) in rows.items() if default == "required"} == {
        "postgres.external.host",
        "redis.external.host",
        "storage.external.endpoint",
        "monitoring.email.to",
        "monitoring.email.sender",
        "monitoring.email.smarthost",
    }


def test_a_value_without_a_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="date"):
        manual._type(FieldInfo(annotation=datetime.date))
