"""Record parts of the library without an engine, and ask the plan what a test wants to know."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks

from components import Foundation, FoundationArgs, SlideGeniePlatform, SlideGeniePlatformArgs, parse_settings
from slidegenie.plan import Plan, Resource, Secret, record

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
BUILD = "docker-build:index:Image"
PASSWORD = "random:index/randomPassword:RandomPassword"

ELSEWHERE: dict[str, Any] = {
    "postgres": {"external": {"host": "db.example.com"}},
    "redis": {"external": {"host": "cache.example.com"}},
    "storage": {"external": {"endpoint": "https://s3.example.com"}},
    "secrets": {
        "postgresPassword": "p",
        "redisPassword": "r",
        "storageAccessKey": "access",
        "storageSecretKey": "secret-key",
    },
    "monitoring": {"enabled": False},
    "backup": {"enabled": False},
}
"""Settings that leave the edge and the application: a quarter of the platform, and of the time it takes to plan it."""


def recorded(program: Callable[[], object]) -> Plan:
    """Return the plan of `program` in project `slidegenie`, stack `test`."""

    def from_scratch() -> None:
        # Pulumi keeps the configuration of the program before.
        runtime_config.set_all_config({}, [])
        program()

    return record(from_scratch, project="slidegenie", stack="test")


def with_foundation(program: Callable[[Foundation], object]) -> Plan:
    """Return the plan of `program`, which is given a foundation."""
    return recorded(lambda: program(Foundation("base", FoundationArgs())))


def platform(**sections: Any) -> Plan:
    """Return the plan of a platform with these settings."""
    # Else the group would be asked of a socket that need not be on this machine.
    values = sections | {"engine": {"socketGroup": 999} | sections.get("engine", {})}
    return recorded(
        lambda: SlideGeniePlatform(
            "slidegenie", SlideGeniePlatformArgs(settings=parse_settings(values, "Pulumi.test.yaml"))
        )
    )


@functools.cache
def as_it_comes() -> Plan:
    """Return the plan of a platform without settings; all who ask share it."""
    return platform()


def unwatched(**sections: Any) -> Plan:
    """Return the plan of a platform with these settings and without its monitoring."""
    return platform(**{"monitoring": {"enabled": False}} | sections)


def application(**sections: Any) -> Plan:
    """Return the plan of the edge and the application, with everything else `ELSEWHERE`."""
    return platform(**ELSEWHERE | sections | {"secrets": ELSEWHERE["secrets"] | sections.get("secrets", {})})


def labels(resource: Resource) -> dict[str, str]:
    """Return the labels of a container, network or volume."""
    return {label["label"]: label["value"] for label in plain(resource.inputs.get("labels") or [])}


def role(container: Resource) -> str:
    """Return `server`, `job` or `seed`."""
    return labels(container)["io.slidegenie.role"]


def workloads(plan: Plan) -> list[Resource]:
    """Return the containers that run: servers and jobs."""
    return [container for container in plan.of_type(CONTAINER) if role(container) != "seed"]


def seeds(plan: Plan) -> list[Resource]:
    """Return the containers that only prepare a volume."""
    return [container for container in plan.of_type(CONTAINER) if role(container) == "seed"]


def service(container: Resource) -> str:
    """Return the name people use."""
    return labels(container)["com.docker.compose.service"]


def environment(container: Resource) -> dict[str, str]:
    """Return the environment variables."""
    return dict(variable.split("=", 1) for variable in container.inputs["envs"])


def files_in(plan: Plan, name: str) -> dict[str, str]:
    """Return content by file name, secret or not, of what is put into the volume `name`."""
    source = plan.named(name, VOLUME).outputs["name"]
    return {
        upload["file"].rpartition("/")[2]: upload["content"]
        for seed in seeds(plan)
        for mount in seed.inputs["mounts"]
        for upload in plain(seed.inputs["uploads"])
        if mount["source"] == source and upload["file"].rpartition("/")[0] == mount["target"]
    }


def uploads(seed: Resource) -> dict[str, str]:
    """Return content by file name, secret or not."""
    return {file["file"].rpartition("/")[2]: file["content"] for file in plain(seed.inputs["uploads"])}


def plain(value: Any) -> Any:
    """Return `value` with the content of all secrets in it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


class Watching(mocks.MockMonitor):
    """Answers what providers would, and notes which hooks each resource has."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(_Answers(answers))
        self.after_create: dict[str, list[str]] = {}
        self.before_create: dict[str, list[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC name
        if request.type == "docker:index/container:Container":
            self.after_create[request.name] = list(request.hooks.after_create)
        if request.type == "docker:index/volume:Volume":
            self.before_create[request.name] = list(request.hooks.before_create)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class _Answers(mocks.Mocks):
    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._answers = answers

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs) | dict(self._answers.get(args.name, {}))

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)


def watched(
    program: Callable[[Foundation], object], answers: Mapping[str, Mapping[str, Any]] | None = None
) -> Watching:
    """Run `program`, which is given a foundation; `answers` has outputs by the name of the resource."""
    monitor = Watching(answers or {})
    pulumi.runtime.set_mocks(monitor.mocks, "slidegenie", "test", preview=False, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        program(Foundation("base", FoundationArgs()))

    run()
    return monitor
