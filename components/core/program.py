"""What a program knows of its run: whether it speaks to an engine, to which one, and who owns the socket of that."""

from pathlib import Path

import pulumi
import pulumi_docker as docker
from pulumi.runtime import config as runtime_config
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from ..settings import EngineSettings, SettingsError
from .engine import DockerEngine, split


def speaks_to_an_engine() -> bool:
    """Tell whether resources are a real engine's: a plan and a test have none."""
    return not isinstance(get_monitor(), MockMonitor)


def is_real_run() -> bool:
    """Tell whether anything is changed: not in a preview, a plan or a test."""
    return speaks_to_an_engine() and not pulumi.runtime.is_dry_run()


def program_engine() -> DockerEngine:
    """Return the engine that the configuration of the current stack means.

    Raises:
        SettingsError: when an address is none, a context is not known, or Pulumi's providers would work elsewhere.
    """
    configuration = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    engine = DockerEngine.of(configuration, _source())
    # A plan and a test speak to no engine.
    if speaks_to_an_engine() and (why := split(configuration, _source())):
        raise SettingsError(_source(), [why])
    return engine


def given_provider(component: pulumi.Resource) -> docker.Provider | None:
    """Return the Docker provider that somebody gave `component` or what it is part of, in `opts`."""
    provider = component.get_provider("docker:index/container:Container")
    return provider if isinstance(provider, docker.Provider) else None


def engine_of(component: pulumi.Resource) -> pulumi.Output[DockerEngine]:
    """Return the engine that the children of `component` are on.

    Raises:
        SettingsError: as `program_engine` does.
    """
    provider = given_provider(component)
    if provider is None:
        return pulumi.Output.from_input(program_engine())

    source = f"the provider in opts of {component.pulumi_resource_name}"

    def asked(host: str | None) -> pulumi.Input[DockerEngine]:
        # What the provider was not given is unknown in a preview: nothing is asked for that need not be known.
        if host is None:
            # Nor does it read which context is the current one.
            return provider.context.apply(lambda name: DockerEngine.of({"docker:context": name or "default"}, source))
        if not host.startswith("tcp:"):
            return DockerEngine.of({"docker:host": host}, source)
        return provider.cert_path.apply(
            lambda at: DockerEngine.of({"docker:host": host, "docker:certPath": at}, source)
        )

    return provider.host.apply(asked)


def socket_group(settings: EngineSettings, component: pulumi.Resource) -> pulumi.Input[str]:
    """Return the numeric group that owns the socket of the engine of `component`: configured, or read there.

    Raises:
        SettingsError: when the socket is not on this machine and the group is not configured.
    """
    if settings.socket_group is not None:
        return str(settings.socket_group)
    if given_provider(component) is None:
        return local_socket_group(settings, program_engine(), _source())
    return engine_of(component).apply(lambda engine: local_socket_group(settings, engine, _source()))


def local_socket_group(settings: EngineSettings, engine: DockerEngine, source: str) -> str:
    """Return the numeric group that owns the engine's socket: configured, or read where the engine is this machine's.

    Raises:
        SettingsError: when the socket is not on this machine and the group is not configured in `source`.
    """
    if settings.socket_group is not None:
        return str(settings.socket_group)
    try:
        if engine.local:
            return str(Path(settings.socket).stat().st_gid)
    except OSError:
        pass
    where = "not on this machine" if engine.local else f"on {engine.host}"
    tells = f"on the Docker host, `stat -c %g {settings.socket}` prints it"
    raise SettingsError(source, [f"engine.socketGroup: is required when {settings.socket} is {where}; {tells}"])


def _source() -> str:
    return f"Pulumi.{pulumi.get_stack()}.yaml"
