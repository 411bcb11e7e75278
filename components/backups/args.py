"""What the backups need to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from ..containers.foundation import Foundation
from ..containers.volume import PreparedVolume
from ..core.endpoints import Endpoint
from ..settings import BackupSettings, EngineSettings, ImagesSettings, SecretsSettings


@dataclass(frozen=True, kw_only=True)
class RedisLogin:
    """A user of Redis that may take and give snapshots."""

    endpoint: Endpoint
    """Where Redis is."""
    user: pulumi.Input[str]
    """Its name."""
    password: pulumi.Output[str]
    """Its password."""


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """What is saved, where to, and when."""

    foundation: Foundation
    """The stack's foundation."""
    postgres: Endpoint
    """The database."""
    storage: Endpoint
    """The bucket."""
    redis: RedisLogin | None = None
    """Redis. Default: it is not backed up."""
    volumes: Mapping[str, PreparedVolume] = field(default_factory=dict)
    """Further volumes by name, saved as files while they are in use. Default: none."""
    outward: bool = False
    """Whether a data store is outside of the platform, so that the backup needs a way out. Default: it has one only
    when the repository is elsewhere."""
    textfiles: PreparedVolume | None = None
    """Where the metrics go, see `Monitoring.textfiles`. Default: nowhere, and no alert can tell of a bad backup."""
    settings: BackupSettings = BackupSettings()
    """Repository, schedule, retention, hooks, limits."""
    images: ImagesSettings = ImagesSettings()
    """What the backup image is made of."""
    engine: EngineSettings = EngineSettings()
    """What builds the image, and where the data is."""
    secrets: SecretsSettings = SecretsSettings()
    """Password of the repository and what reaches it."""
