"""All settings of a stack, and the rules that span sections."""

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from .base import Section
from .errors import reveal
from .references import IMAGE_ID
from .sections.backend import BackendSettings
from .sections.backup import CERTIFICATES, OF_MONITORING, BackupSettings
from .sections.edge import Challenge, ProxySettings, TlsMode
from .sections.images import EngineSettings, ImagesSettings, RegistrySettings, Require, SupplyChainSettings
from .sections.monitoring import MaintenanceSettings, MonitoringSettings, PolicySettings
from .sections.own_certificate import problems
from .sections.secrets import SecretsSettings
from .sections.stores import PostgresSettings, RedisSettings, StorageSettings


class Settings(Section):
    """Everything that a stack file can say. Each field is one configuration key."""

    engine: EngineSettings = EngineSettings()
    """The Docker host: where data lives, what builds trust."""
    images: ImagesSettings = ImagesSettings()
    """Third-party and base images."""
    registry: RegistrySettings = RegistrySettings()
    """Where the backend's image is pushed to."""
    backend: BackendSettings = BackendSettings()
    """The application: image variant, replicas, drain, limits."""
    postgres: PostgresSettings = PostgresSettings()
    """PostgreSQL, built in or external."""
    redis: RedisSettings = RedisSettings()
    """Redis, built in or external."""
    storage: StorageSettings = StorageSettings()
    """S3-compatible storage, built in (MinIO) or external."""
    proxy: ProxySettings = ProxySettings()
    """Traefik: names, ports, TLS."""
    monitoring: MonitoringSettings = MonitoringSettings()
    """Prometheus, Alertmanager, Grafana: what runs, how long metrics are kept, who is told."""
    maintenance: MaintenanceSettings = MaintenanceSettings()
    """Scan, cleanup and freshness: when `make schedule` has them run, and what they keep."""
    backup: BackupSettings = BackupSettings()
    """Backups and restore drills: where they go, when they run, what is kept."""
    supply_chain: SupplyChainSettings = SupplyChainSettings()
    """What the backend's image must prove before it runs."""
    policy: PolicySettings = PolicySettings()
    """The container policy: what becomes of a rollout that breaks it."""
    secrets: SecretsSettings = SecretsSettings()
    """Secrets that are given instead of generated."""

    def _broken(self) -> Iterator[str]:
        rules = (self._missing, self._useless, self._ports_taken_twice, self._unpinned, self._refused_by_minio)
        for rule in rules:
            yield from rule()

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
        if self.backup.enabled:
            yield from self._missing_volumes()
        yield from self._wrong_certificate()

    def _missing_volumes(self) -> Iterator[str]:
        there = OF_MONITORING if self.monitoring.enabled else frozenset[str]()
        there |= {CERTIFICATES} if self.proxy.tls is TlsMode.ACME else set()
        for name in self.backup.volumes:
            if name not in there:
                known = f"there are {', '.join(sorted(there))}" if there else "there is none"
                yield f"backup.volumes: {name!r} is no volume of this stack that could be taken along; {known}"

    def _wrong_certificate(self) -> Iterator[str]:
        proxy = self.proxy
        if both := sorted(set(self.secrets.acme_dns) & set(proxy.acme.dns.environment)):
            yield f"proxy.acme.dns.environment: says {', '.join(both)}, and so does secrets.acmeDns; remove it here"
        if proxy.tls is not TlsMode.FILES:
            return
        if not proxy.certificate:
            yield "proxy.certificate: is required with proxy.tls: files; give the PEM chain or set proxy.tls: local"
            return
        yield from problems(proxy.certificate, reveal(self.secrets.tls_key), proxy.domain)

    def _refused_by_minio(self) -> Iterator[str]:
        """Another store may give shorter keys; the built-in one makes no user with them."""
        if self.storage.external:
            return
        rules = (
            ("storageAccessKey", self.secrets.storage_access_key, 3),
            ("storageSecretKey", self.secrets.storage_secret_key, 8),
        )
        for name, secret, least in rules:
            if (key := reveal(secret)) is not None and len(key) < least:
                yield f"secrets.{name}: must have at least {least} characters, MinIO takes no shorter one"
            if key is not None and name == "storageAccessKey" and not set(key).isdisjoint('=,"\\'):
                yield f'secrets.{name}: must have no = , " or \\ in it, MinIO and its client trip over them'

    def _useless(self) -> Iterator[str]:
        """Who gives a secret counts on what it is for, such as alerts in Slack: alone, it does nothing."""
        secrets, proxy, mail = self.secrets, self.proxy, self.monitoring.email
        dns = proxy.tls is TlsMode.ACME and proxy.acme.challenge is Challenge.DNS
        rules = (
            (secrets.acme_dns, "acmeDns", dns, "proxy.tls: acme and proxy.acme.challenge: dns"),
            (secrets.slack_url, "slackUrl", self.monitoring.slack_channel, "monitoring.slackChannel"),
            (secrets.smtp_password, "smtpPassword", mail and mail.username, "monitoring.email.username"),
        )
        for given, name, used, use in rules:
            if given and not used:
                yield f"secrets.{name}: has no use without {use}; set that or remove this"

    def _ports_taken_twice(self) -> Iterator[str]:
        """Traefik goes before its successor comes: with a port that cannot be bound, nothing would serve."""
        keys: dict[int, str] = {}
        for key, port in self._published():
            if (other := keys.setdefault(port, key)) != key:
                yield f"{key}: must differ from {other}, a port leads to one service; got {port} for both"

    def _published(self) -> Iterator[tuple[str, int]]:
        """Yield the ports of the host that are published, by key."""
        yield "proxy.httpPort", self.proxy.http_port
        yield "proxy.httpsPort", self.proxy.https_port
        if self.proxy.backend_port is not None:
            yield "proxy.backendPort", self.proxy.backend_port
        for service, port in self.monitoring.published().items():
            yield f"monitoring.ports.{to_camel(service.replace('-', '_'))}", port

    def _unpinned(self) -> Iterator[str]:
        images = self.images.model_dump(by_alias=True, exclude={"mirror"})
        for name in self.supply_chain.vendors:
            if name not in images:
                yield f"supplyChain.vendors.{name}: is no image; known are {', '.join(images)}"
            elif "@sha256:" not in images[name]:
                yield (
                    f"images.{name}: needs a digest, as supplyChain.vendors.{name} has it verified and a tag may mean"
                    f" another image tomorrow; got {images[name]!r}, append the @sha256:... you looked up"
                )
        given = self.backend.image or ""
        by_tag = given and "@" not in given and not IMAGE_ID.fullmatch(given)
        if by_tag and self.supply_chain.require is Require.ENFORCE:
            yield (
                "backend.image: needs a digest with supplyChain.require: enforce, as only a digest carries a signature"
                f" and a tag may mean another image tomorrow; got {given!r}, append the @sha256:... you looked up"
            )
