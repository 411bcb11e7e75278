"""All settings of a stack, and the rules that span sections."""

from collections.abc import Iterator

from pydantic import model_validator

from .backup import Backup
from .base import Section
from .monitoring import Monitoring
from .sections import Backend, Engine, Images, Postgres, Proxy, Redis, Registry, Secrets, Storage, TlsMode
from .supply_chain import SupplyChain


class Settings(Section):
    """Everything that a stack file can say. Each field is one configuration key."""

    engine: Engine = Engine()
    """The Docker host: where data lives, what builds trust."""
    images: Images = Images()
    """Third-party and base images."""
    registry: Registry = Registry()
    """Where the backend's image is pushed to."""
    backend: Backend = Backend()
    """The application: image variant, replicas, drain, limits."""
    postgres: Postgres = Postgres()
    """PostgreSQL, built in or external."""
    redis: Redis = Redis()
    """Redis, built in or external."""
    storage: Storage = Storage()
    """S3-compatible storage, built in (MinIO) or external."""
    proxy: Proxy = Proxy()
    """Traefik: names, ports, TLS."""
    monitoring: Monitoring = Monitoring()
    """Prometheus, Alertmanager, Grafana: what runs, how long metrics are kept, who is told."""
    backup: Backup = Backup()
    """Backups and restore drills: where they go, when they run, what is kept."""
    supply_chain: SupplyChain = SupplyChain()
    """What the backend's image must prove before it runs."""
    secrets: Secrets = Secrets()
    """Secrets that are given instead of generated."""

    @model_validator(mode="after")
    def _given_secrets_are_there(self) -> "Settings":
        if missing := list(self._missing()):
            raise ValueError("\n".join(missing))
        return self

    def _missing(self) -> Iterator[str]:
        rules = (
            (self.postgres.external, "postgres.external", ("postgresPassword",)),
            (self.redis.external, "redis.external", ("redisPassword",)),
            (self.storage.external, "storage.external", ("storageAccessKey", "storageSecretKey")),
            (self.registry.address, "registry.address", ("registryPassword",)),
            (self.proxy.tls is TlsMode.FILES, "proxy.tls: files", ("tlsKey",)),
            (self.monitoring.slack_channel, "monitoring.slackChannel", ("slackUrl",)),
            (self.backup.enabled and self.backup.repository, "backup.repository", ("backupCredentials",)),
            (self.monitoring.email and self.monitoring.email.username, "monitoring.email.username", ("smtpPassword",)),
        )
        given = self.secrets.model_dump(by_alias=True)
        for used, because, names in rules:
            for name in names:
                if used and given[name] is None:
                    yield (
                        f"secrets.{name}: is required with {because}; set it with"
                        f" `pulumi config set --secret --path secrets.{name}`"
                    )
        if self.backup.enabled and self.backup.volumes and not self.monitoring.enabled:
            yield "backup.volumes: are those of the monitoring, which is not enabled; remove them"
        if self.proxy.tls is TlsMode.FILES and not self.proxy.certificate:
            yield "proxy.certificate: is required with proxy.tls: files; give the PEM chain or set proxy.tls: local"
