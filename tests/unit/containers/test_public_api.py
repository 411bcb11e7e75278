"""What the library promises to those who import it. A change here is a change for them."""

import ast
import dataclasses
import inspect
import re
from typing import Any

import pulumi
import pytest

import components
from components import (
    DataVolume,
    DataVolumeArgs,
    Files,
    FilesArgs,
    Foundation,
    FoundationArgs,
    PulledImage,
    PulledImageArgs,
    parse_settings,
)

from ..planned import recorded
from ..plans import ROOT

PUBLIC = {
    # The platform and what it is made of
    "Backend",
    "BackendArgs",
    "Backups",
    "BackupsArgs",
    "DataStores",
    "Endpoint",
    "Foundation",
    "FoundationArgs",
    "LocalCertificate",
    "Networks",
    "NetworksArgs",
    "Postgres",
    "PostgresArgs",
    "Proxy",
    "ProxyArgs",
    "Redis",
    "RedisArgs",
    "SlideGeniePlatform",
    "SlideGeniePlatformArgs",
    "StackSecrets",
    "StackSecretsArgs",
    "Storage",
    "StorageArgs",
    "Zone",
    "external_postgres",
    "external_redis",
    "external_storage",
    # Workloads of one's own
    "ContainerArgs",
    "HealthCheck",
    "HostMount",
    "Job",
    "PublishedPort",
    "Rollout",
    "Server",
    "ServerArgs",
    "WebService",
    "WebServiceArgs",
    # Monitoring
    "Additions",
    "Monitoring",
    "MonitoringArgs",
    "ScrapeTarget",
    "WatchedPostgres",
    # Images, files and data
    "BackendImage",
    "BackendImageArgs",
    "ImageMatrix",
    "ImageMatrixArgs",
    "ImageVariant",
    "variants",
    "BuiltImage",
    "BuiltImageArgs",
    "DataVolume",
    "DataVolumeArgs",
    "Files",
    "FilesArgs",
    "FilesMount",
    "PreparedVolume",
    "PulledImage",
    "PulledImageArgs",
    "VolumeMount",
    # From a build to what runs, for any image
    "Admission",
    "AdmissionArgs",
    "PushedImage",
    "PushedImageArgs",
    "RegistryImage",
    "RegistryImageArgs",
    "RegistryLogin",
    # Settings
    "Limits",
    "Settings",
    "SettingsError",
    "load_settings",
    "parse_settings",
    "settings",
}

COMPONENTS = [
    value
    for value in (getattr(components, name) for name in sorted(PUBLIC))
    if inspect.isclass(value) and issubclass(value, pulumi.ComponentResource)
]
ARGS = [value for value in (getattr(components, name) for name in sorted(PUBLIC)) if dataclasses.is_dataclass(value)]


def test_nothing_public_goes_away_or_comes_unnoticed() -> None:
    assert PUBLIC - set(components.__all__) == set()
    assert set(components.__all__) - PUBLIC == set(), "new and public: add it here and to the changelog"
    assert sorted(components.__all__) == components.__all__
    assert {name for name in components.__all__ if not hasattr(components, name)} == set()


@pytest.mark.parametrize("name", components.__all__)
def test_everything_public_says_what_it_is(name: str) -> None:
    documentation = inspect.getdoc(getattr(components, name)) or ""

    assert documentation.endswith((".", ":", "`")), documentation
    assert not documentation.startswith(f"{name}("), "a dataclass without a docstring gets its signature"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_component_takes_a_name_and_options(component: type[pulumi.ComponentResource]) -> None:
    parameters = inspect.signature(component.__init__).parameters.values()
    _, name, *_, options = [p for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]

    assert name.name == "name"
    assert options.name == "opts"
    assert options.default is None


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_the_type_of_a_component_is_its_name(component: type[pulumi.ComponentResource]) -> None:
    """It is in every URN: another one would replace all resources below."""
    assert f'"slidegenie:index:{component.__name__}"' in inspect.getsource(component.__init__)


@pytest.mark.parametrize("kind", ["Files", "DataVolume", "PulledImage"])
def test_what_was_a_component_around_a_resource_is_still_known_by_it(kind: str) -> None:
    """Else Pulumi would make the resource anew, and refuse to delete the data of before."""
    known: list[str] = []

    def program() -> None:
        base = Foundation("base", FoundationArgs())
        made: list[pulumi.Resource] = [
            Files("it", FilesArgs(foundation=base, files={"a": "1"})),
            DataVolume("data", DataVolumeArgs(foundation=base, role="exports")),
            PulledImage("it", PulledImageArgs(reference="ghcr.io/example/reports:1.4.2")),
        ]
        for alias in next(resource for resource in made if type(resource).__name__ == kind)._aliases:
            pulumi.Output.from_input(alias).apply(known.append)

    recorded(program)

    name = "data" if kind == "DataVolume" else "it"
    token = {"PulledImage": "remoteImage:RemoteImage"}.get(kind, "volume:Volume")
    assert known == [f"urn:pulumi:test::slidegenie::slidegenie:index:{kind}$docker:index/{token}::{name}"]


@pytest.mark.parametrize("args", ARGS, ids=lambda args: args.__name__)
def test_arguments_are_frozen_and_by_name_only(args: type) -> None:
    for field in dataclasses.fields(args):
        assert field.kw_only, field.name
    instance: Any = object.__new__(args)
    with pytest.raises(dataclasses.FrozenInstanceError):
        instance.anything = 1


@pytest.mark.parametrize("args", ARGS, ids=lambda args: args.__name__)
def test_every_argument_is_described(args: type) -> None:
    (definition,) = [node for node in ast.walk(ast.parse(inspect.getsource(args))) if isinstance(node, ast.ClassDef)]
    for field, after in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            assert described, f"{args.__name__}.{ast.unparse(field.target)} has no docstring below it"


def test_the_example_in_the_documentation_works() -> None:
    example = inspect.cleandoc(components.__doc__ or "").partition("is:\n\n")[2].partition("\n\nEvery")[0]
    settings = parse_settings({"engine": {"socketGroup": 999}}, "here")
    names = {name: getattr(components, name) for name in PUBLIC} | {"load_settings": lambda: settings}

    plan = recorded(lambda: exec(inspect.cleandoc(example), names))  # noqa: S102 - our own example

    assert plan.named("reports-1").inputs["memory"] == 256
    assert plan.named("slidegenie-app-1").inputs["memory"] == 512


def test_the_program_is_a_screenful() -> None:
    lines = (ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 24
    assert not [line for line in lines if re.search(r"\bif\b.*stack", line)]
