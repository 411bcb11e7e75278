"""A container platform for a Python web product, as Pulumi components.

`SlideGeniePlatform` is all of it: networks, data stores, edge and application of one stack, from typed settings. Its
parts stand on their own too. A team that runs one more service next to the application takes a platform's foundation
and proxy, and says what the service is:

    platform = SlideGeniePlatform("slidegenie", SlideGeniePlatformArgs(settings=load_settings()))
    reports = WebService(
        "reports",
        WebServiceArgs(
            foundation=platform.foundation,
            proxy=platform.proxy,
            service="reports",
            image=PulledImage("reports", PulledImageArgs(reference="ghcr.io/example/reports:1.4.2")).id_on_engine,
            port=8000,
            path="/reports",
            limits=Limits(memory_mib=256),
            health=HealthCheck(command=["python", "-m", "reports", "health"]),
        ),
    )

Every container is non-root, read-only, without capabilities, limited and health-checked. There is no way to say
otherwise, but for one that must be root: it says why, and keeps all the rest. What `__all__` lists is the public
interface; resource names, type tokens and outputs are part of it. A program exports `platform.releases` under the name
`releases`: the next update reads there what ran before. The sections of the settings are in the module
`settings`; the table of images of the application is in `variants`.
"""

from . import settings
from .backend import Backend, BackendArgs
from .backups import Backups, BackupsArgs
from .containers import (
    ContainerArgs,
    FilesMount,
    HealthCheck,
    HostMount,
    Job,
    PublishedPort,
    Rollout,
    Server,
    ServerArgs,
    VolumeMount,
)
from .containers.foundation import Foundation, FoundationArgs, Networks, NetworksArgs, Zone
from .containers.secrets import StackSecrets, StackSecretsArgs
from .containers.volumes import DataVolume, DataVolumeArgs, Files, FilesArgs, PreparedVolume
from .core.certificates import LocalCertificate
from .edge import Proxy, ProxyArgs
from .edge.web import WebService, WebServiceArgs
from .images import variants
from .images.backend_image import BackendImage, BackendImageArgs, ImageMatrix, ImageMatrixArgs
from .images.image import BuiltImage, BuiltImageArgs, PulledImage, PulledImageArgs
from .images.supply_chain import (
    Admission,
    AdmissionArgs,
    PushedImage,
    PushedImageArgs,
    RegistryImage,
    RegistryImageArgs,
    RegistryLogin,
)
from .images.variants import ImageVariant
from .monitoring import Additions, Monitoring, MonitoringArgs, ScrapeTarget, WatchedPostgres
from .platform import DataStores, SlideGeniePlatform, SlideGeniePlatformArgs
from .settings import Limits, Settings, SettingsError, load_settings, parse_settings
from .stores.clients import Endpoint
from .stores.postgres import Postgres, PostgresArgs, external_postgres
from .stores.redis import Redis, RedisArgs, external_redis
from .stores.storage import Storage, StorageArgs, external_storage

__all__ = [
    "Additions",
    "Admission",
    "AdmissionArgs",
    "Backend",
    "BackendArgs",
    "BackendImage",
    "BackendImageArgs",
    "Backups",
    "BackupsArgs",
    "BuiltImage",
    "BuiltImageArgs",
    "ContainerArgs",
    "DataStores",
    "DataVolume",
    "DataVolumeArgs",
    "Endpoint",
    "Files",
    "FilesArgs",
    "FilesMount",
    "Foundation",
    "FoundationArgs",
    "HealthCheck",
    "HostMount",
    "ImageMatrix",
    "ImageMatrixArgs",
    "ImageVariant",
    "Job",
    "Limits",
    "LocalCertificate",
    "Monitoring",
    "MonitoringArgs",
    "Networks",
    "NetworksArgs",
    "Postgres",
    "PostgresArgs",
    "PreparedVolume",
    "Proxy",
    "ProxyArgs",
    "PublishedPort",
    "PulledImage",
    "PulledImageArgs",
    "PushedImage",
    "PushedImageArgs",
    "Redis",
    "RedisArgs",
    "RegistryImage",
    "RegistryImageArgs",
    "RegistryLogin",
    "Rollout",
    "ScrapeTarget",
    "Server",
    "ServerArgs",
    "Settings",
    "SettingsError",
    "SlideGeniePlatform",
    "SlideGeniePlatformArgs",
    "StackSecrets",
    "StackSecretsArgs",
    "Storage",
    "StorageArgs",
    "VolumeMount",
    "WatchedPostgres",
    "WebService",
    "WebServiceArgs",
    "Zone",
    "external_postgres",
    "external_redis",
    "external_storage",
    "load_settings",
    "parse_settings",
    "settings",
    "variants",
]
