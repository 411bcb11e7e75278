"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import load_settings, parse_settings
from .maintenance import Maintenance, Weekday
from .model import Settings
from .monitoring import Email, ImageStore, Monitoring, MonitoringPorts
from .policy import Enforcement, Policy
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
    "Email",
    "Enforcement",
    "Engine",
    "ExternalPostgres",
    "ExternalRedis",
    "ExternalStorage",
    "ImageStore",
    "Images",
    "Limits",
    "Maintenance",
    "Monitoring",
    "MonitoringPorts",
    "Origin",
    "Policy",
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
    "Weekday",
    "load_settings",
    "parse_settings",
    "reveal",
]
