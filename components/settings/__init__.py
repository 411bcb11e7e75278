"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .acme import Acme, AcmeDns, Authority, Challenge, KeyType
from .backup import Backup
from .base import Limits, Section
from .edge import ClientAddress, EncodedSlashes, Proxy, RateLimit, Timeouts, TlsMode
from .errors import SettingsError, reveal
from .load import keys_of, load_settings, parse_settings, settings_of
from .maintenance import Maintenance, Weekday
from .model import Settings
from .monitoring import Email, ImageStore, Monitoring, MonitoringPorts
from .policy import Enforcement, Policy
from .secrets import Secrets
from .sections import (
    REFERENCE_HEALTH,
    REFERENCE_MIGRATIONS,
    Backend,
    BuildCache,
    Engine,
    Images,
    Origin,
    Registry,
    Target,
    Variant,
)
from .stores import ExternalPostgres, ExternalRedis, ExternalStorage, Postgres, Redis, SslMode, Storage
from .supply_chain import Require, SupplyChain

__all__ = [
    "REFERENCE_HEALTH",
    "REFERENCE_MIGRATIONS",
    "Acme",
    "AcmeDns",
    "Authority",
    "Backend",
    "Backup",
    "BuildCache",
    "Challenge",
    "ClientAddress",
    "Email",
    "EncodedSlashes",
    "Enforcement",
    "Engine",
    "ExternalPostgres",
    "ExternalRedis",
    "ExternalStorage",
    "ImageStore",
    "Images",
    "KeyType",
    "Limits",
    "Maintenance",
    "Monitoring",
    "MonitoringPorts",
    "Origin",
    "Policy",
    "Postgres",
    "Proxy",
    "RateLimit",
    "Redis",
    "Registry",
    "Require",
    "Secrets",
    "Section",
    "Settings",
    "SettingsError",
    "SslMode",
    "Storage",
    "SupplyChain",
    "Target",
    "Timeouts",
    "TlsMode",
    "Variant",
    "Weekday",
    "keys_of",
    "load_settings",
    "parse_settings",
    "reveal",
    "settings_of",
]
