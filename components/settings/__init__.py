"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import keys_of, load_settings, parse_settings, settings_of
from .model import Settings
from .sections.acme import Acme, AcmeDns, Authority, Challenge, KeyType
from .sections.backend import (
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
from .sections.backup import Backup
from .sections.edge import ClientAddress, EncodedSlashes, Proxy, RateLimit, Timeouts, TlsMode
from .sections.maintenance import Maintenance, Weekday
from .sections.monitoring import Email, ImageStore, Monitoring, MonitoringPorts
from .sections.policy import Enforcement, Policy
from .sections.secrets import Secrets
from .sections.stores import ExternalPostgres, ExternalRedis, ExternalStorage, Postgres, Redis, SslMode, Storage
from .sections.supply_chain import Require, SupplyChain

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
