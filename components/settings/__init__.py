"""Typed settings of a stack: the schema, the reader, and errors that say what to change."""

from .base import Limits, Section
from .errors import SettingsError, reveal
from .load import keys_of, load_settings, parse_settings, settings_of
from .model import Settings
from .sections.acme import AcmeDnsSettings, AcmeSettings, Authority, Challenge, KeyType
from .sections.backend import REFERENCE_HEALTH, REFERENCE_MIGRATIONS, BackendSettings, OriginSettings, Target, Variant
from .sections.backup import BackupSettings
from .sections.edge import ClientAddress, EncodedSlashes, ProxySettings, RateLimit, Timeouts, TlsMode
from .sections.images import BuildCache, EngineSettings, ImagesSettings, RegistrySettings
from .sections.maintenance import MaintenanceSettings, Weekday
from .sections.monitoring import Email, ImageStore, MonitoringPorts, MonitoringSettings
from .sections.policy import Enforcement, PolicySettings
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
from .sections.supply_chain import Require, SupplyChainSettings

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
