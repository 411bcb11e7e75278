"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import load_settings, parse_settings
from .model import Settings
from .sections import (
    Backend,
    Engine,
    ExternalPostgres,
    ExternalRedis,
    ExternalStorage,
    Images,
    Postgres,
    Proxy,
    Redis,
    Registry,
    Secrets,
    Storage,
    Target,
    TlsMode,
    Variant,
)

__all__ = [
    "Backend",
    "Engine",
    "ExternalPostgres",
    "ExternalRedis",
    "ExternalStorage",
    "Images",
    "Limits",
    "Postgres",
    "Proxy",
    "Redis",
    "Registry",
    "Secrets",
    "Section",
    "Settings",
    "SettingsError",
    "Storage",
    "Target",
    "TlsMode",
    "Variant",
    "load_settings",
    "parse_settings",
    "reveal",
]
