"""A container platform for a Python web product, as Pulumi components.

`SlideGeniePlatform` is all of it: networks, data stores, edge and application of one stack, from typed settings. Its
parts stand on their own too. A team that runs one more service next to the application takes a platform's foundation
and proxy, and says what the service is:

    platform = SlideGeniePlatform("slidegenie", load_settings())
    reports = WebService(
        "reports",
        WebServiceArgs(
            foundation=platform.foundation,
            proxy=platform.proxy,
            service="reports",
            image=PulledImage("reports", "ghcr.io/example/reports:1.4.2").id_on_engine,
            port=8000,
            path="/reports",
            limits=Limits(memory_mib=256),
            health=HealthCheck(command=["python", "-m", "reports", "health"]),
        ),
    )

Every container is non-root, read-only, without capabilities, limited and health-checked. There is no way to say
otherwise, but for one that must be root: it says why, and keeps all the rest. What `__all__` lists is the public
interface; resource names, type tokens and outputs are part of it. The sections of the settings, of which some share
their name with a component, are in the module `settings`; the table of images of the application is in `variants`.
"""

from . import settings, variants
from .backend import Backend, BackendArgs
from .backend_image import BackendImage, BackendImageArgs, ImageMatrix, ImageMatrixArgs
from .backups import Backups, BackupsArgs
from .certificates import LocalCertificate
from .endpoints import Endpoint
from .files import Files, FilesArgs
from .foundation import Foundation, FoundationArgs
from .image import BuiltImage, BuiltImageArgs, PulledImage
from .monitoring import Additions, Monitoring, MonitoringArgs, ScrapeTarget, WatchedPostgres
from .network import Networks, Zone
from .platform import DataStores, SlideGeniePlatform
from .postgres import Postgres, PostgresArgs, external_postgres
from .proxy import Proxy, ProxyArgs
from .redis import Redis, RedisArgs, external_redis
from .secrets import StackSecrets
from .settings import Limits, Settings, SettingsError, load_settings, parse_settings
from .storage import Storage, StorageArgs, external_storage
from .variants import ImageVariant
from .volume import DataVolume, DataVolumeArgs, PreparedVolume
from .web import WebService, WebServiceArgs
from .workload import (
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

__all__ = [
    "Additions",
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
    "Postgres",
    "PostgresArgs",
    "PreparedVolume",
    "Proxy",
    "ProxyArgs",
    "PublishedPort",
    "PulledImage",
    "Redis",
    "RedisArgs",
    "Rollout",
    "ScrapeTarget",
    "Server",
    "ServerArgs",
    "Settings",
    "SettingsError",
    "SlideGeniePlatform",
    "StackSecrets",
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
