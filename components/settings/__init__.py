"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import keys_of, load_settings, parse_settings, settings_of
from .model import Settings
from .sections.backend import REFERENCE_HEALTH, REFERENCE_MIGRATIONS, BackendSettings, OriginSettings, Target, Variant
from .sections.backup import BackupSettings
from .sections.edge import (
    AcmeDnsSettings,
    AcmeSettings,
    Authority,
    Challenge,
    ClientAddress,
    EncodedSlashes,
    KeyType,
    ProxySettings,
    RateLimit,
    Timeouts,
    TlsMode,
)
from .sections.images import BuildCache, EngineSettings, ImagesSettings, RegistrySettings, Require, SupplyChainSettings
from .sections.monitoring import (
    Email,
    Enforcement,
    ImageStore,
    MaintenanceSettings,
    MonitoringPorts,
    MonitoringSettings,
    PolicySettings,
    Weekday,
)
from .sections.secrets import SecretsSettings
from .sections.stores import (
    ExternalPostgres,
    ExternalRedis,
    ExternalStorage,
    PostgresSettings,
    RedisSettings,
    SslMode,
    StorageSettings,
)

__all__ = [
    "REFERENCE_HEALTH",
    "REFERENCE_MIGRATIONS",
    "AcmeDnsSettings",
    "AcmeSettings",
    "Authority",
    "BackendSettings",
    "BackupSettings",
    "BuildCache",
    "Challenge",
    "ClientAddress",
    "Email",
    "EncodedSlashes",
    "Enforcement",
    "EngineSettings",
    "ExternalPostgres",
    "ExternalRedis",
    "ExternalStorage",
    "ImageStore",
    "ImagesSettings",
    "KeyType",
    "Limits",
    "MaintenanceSettings",
    "MonitoringPorts",
    "MonitoringSettings",
    "OriginSettings",
    "PolicySettings",
    "PostgresSettings",
    "ProxySettings",
    "RateLimit",
    "RedisSettings",
    "RegistrySettings",
    "Require",
    "SecretsSettings",
    "Section",
    "Settings",
    "SettingsError",
    "SslMode",
    "StorageSettings",
    "SupplyChainSettings",
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
