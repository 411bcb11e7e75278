"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .backup import Backup, DataName
from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import load_settings, parse_settings
from .model import Settings
from .monitoring import Email, ImageStore, Monitoring, MonitoringPorts
from .sections import (
    Backend,
    Engine,
    ExternalPostgres,
    ExternalRedis,
    ExternalStorage,
    Images,
    Origin,
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
from .supply_chain import Require, SupplyChain

__all__ = [
    "Backend",
    "Backup",
    "DataName",
    "Email",
    "Engine",
    "ExternalPostgres",
    "ExternalRedis",
    "ExternalStorage",
    "ImageStore",
    "Images",
    "Limits",
    "Monitoring",
    "MonitoringPorts",
    "Origin",
    "Postgres",
    "Proxy",
    "Redis",
    "Registry",
    "Require",
    "Secrets",
    "Section",
    "Settings",
    "SettingsError",
    "Storage",
    "SupplyChain",
    "Target",
    "TlsMode",
    "Variant",
    "load_settings",
    "parse_settings",
    "reveal",
]
