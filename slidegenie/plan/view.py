"""The plan as people think of it: networks, services, volumes, images. Every renderer starts from here."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from components.core.labels import BACKUPS_DATA, CONTENT_LABEL, DATA_LABEL, ROLE_LABEL, STACK_LABEL, ZONE_LABEL
from components.settings.references import repository_of

from .record import Plan, Resource, Secret

NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
BACKUPS = "slidegenie:index:Backups"
CONTAINER = "docker:index/container:Container"
PULLED = "docker:index/remoteImage:RemoteImage"
BUILT = "docker-build:index:Image"
_KINDS = {NETWORK: "network", VOLUME: "volume", CONTAINER: "container"}
_EXPORTED = re.compile(r"(?:^|,)name=([^,]+)")
"""The repository in buildx's `--output`."""
PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type

_Item = TypeVar("_Item")
_COMPOSE = "com.docker.compose."
_OF_ONE_CONTAINER = (f"{_COMPOSE}container-number", f"{_COMPOSE}config-hash")
"""Labels in which the replicas of a service may differ."""


@dataclass(frozen=True)
class Network:
    """A network segment."""

    zone: str
    """Name in the settings and the documentation."""
    name: str
    """Name on the engine."""
    internal: bool
    """Whether it has no way out."""
    labels: Mapping[str, str]


@dataclass(frozen=True)
class File:
    """An immutable file."""

    name: str
    """Name, without folders."""
    content: Any
    """Text; a `Secret` when Pulumi keeps it encrypted."""

    @property
    def secret(self) -> bool:
        """Whether nobody may read it in a plan."""
        return isinstance(self.content, Secret)


@dataclass(frozen=True)
class Volume:
    """A volume: data that outlives every container, or immutable files."""

    name: str
    """Name on the engine."""
    key: str
    """Short name, unique in the stack."""
    data: bool
    """Whether it holds data; else it holds `files`."""
    files: tuple[File, ...]
    """What was put into it."""
    driver_opts: Mapping[str, str]
    """How it is mounted; empty when Docker manages it."""
    labels: Mapping[str, str]
    protected: bool
    """Whether Pulumi refuses to delete it."""
    backups: bool
    """Whether it holds the backup repository, which outlives everything else."""
    seed: Resource | None
    """The container that prepares it."""


@dataclass(frozen=True)
class Service:
    """One or more containers that differ in their number only."""

    name: str
    """Name people use."""
    job: bool
    """Whether it runs to its end."""
    replicas: int
    rolling: bool
    """Whether a new container is healthy before the old one goes."""
    surge: int
    """Containers that start together in a rollout."""
    labels: Mapping[str, str]
    """Labels, without those of Compose."""
    inputs: Mapping[str, Any]
    """Inputs of each container."""
    after: tuple[str, ...]
    """Services that must be there first."""
    prepared: tuple[str, ...]
    """Names of the data volumes that must be prepared first."""

    def mounts(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the mounts of one kind: `volume` or `bind`."""
        return [mount for mount in self.inputs.get("mounts") or [] if mount["type"] == kind]


@dataclass(frozen=True)
class View:
    """All of a stack, sorted by name."""

    project: str
    """Name of the Compose project."""
    title: str
    """`project/stack`."""
    networks: tuple[Network, ...]
    services: tuple[Service, ...]
    """Servers and jobs."""
    volumes: tuple[Volume, ...]
    """Volumes of data and of files."""
    builds: tuple[Mapping[str, Any], ...]
    """Inputs of the images that are built, by tag."""
    pulls: tuple[str, ...]
    """Images that are pulled."""
    others: tuple[str, ...]
    """Containers, networks and volumes that the program makes without this library."""
    outputs: Mapping[str, Any]

    def network(self, name: str) -> Network:
        """Return the network that the engine calls `name`."""
        return _only((network for network in self.networks if network.name == name), f"network {name}")

    def volume(self, name: str) -> Volume:
        """Return the volume that the engine calls `name`."""
        return _only((volume for volume in self.volumes if volume.name == name), f"volume {name}")

    def build(self, image: str) -> Mapping[str, Any] | None:
        """Return how `image` is built; `None` when it is pulled."""
        return next((build for build in self.builds if image in build.get("tags", ())), None)


def view_of(plan: Plan) -> View:
    """Sort what a plan recorded into what people think in.

    Raises:
        ValueError: when containers of one service differ, or a volume says neither data nor files.
    """
    networks, all_volumes, containers = ([r for r in plan.of_type(kind) if _ours(r)] for kind in _KINDS)
    seeds = [container for container in containers if labels_of(container)[ROLE_LABEL] == "seed"]
    volumes = tuple(sorted((_volume(plan, v, seeds) for v in all_volumes), key=lambda volume: volume.key))
    builds = sorted((build.inputs for build in plan.of_type(BUILT)), key=lambda inputs: str(inputs.get("tags")))
    tags = {tag for build in builds for tag in build.get("tags", ())}
    pushed = {repository for build in builds for repository in pushed_by_digest(build)}
    pulled = {str(image.inputs["name"]) for image in plan.of_type(PULLED)}
    return View(
        project=compose_name(plan),
        title=plan.label,
        networks=tuple(sorted((_network(n) for n in networks), key=lambda network: network.zone)),
        services=_services([c for c in containers if c not in seeds], {v.name for v in volumes if v.data and v.seed}),
        volumes=volumes,
        builds=tuple(builds),
        pulls=tuple(sorted(image for image in pulled - tags if repository_of(image) not in pushed)),
        others=tuple(sorted(f"{_KINDS[r.type]} {r.name}" for r in plan.resources if r.type in _KINDS and not _ours(r))),
        outputs=plan.outputs,
    )


def _ours(resource: Resource) -> bool:
    return STACK_LABEL in labels_of(resource)


def pushed_by_digest(build: Mapping[str, Any]) -> list[str]:
    """Return the repositories that a build pushes to without a name: it gets those once it has proven what is asked."""
    exported = (_EXPORTED.search(export.get("raw", "")) for export in build.get("exports") or [])
    return [found[1] for found in exported if found]


def base_images(arguments: Mapping[str, Any] | None) -> list[str]:
    """Return the images that a build with these arguments stands on."""
    return [value for key, value in (arguments or {}).items() if key.endswith("_IMAGE")]


def compose_name(plan: Plan) -> str:
    """Return the Compose project's name that the containers carry.

    Raises:
        ValueError: when they do not agree.
    """
    label = f"{_COMPOSE}project"
    names = {labels[label] for labels in map(labels_of, plan.of_type(CONTAINER)) if label in labels}
    return _only(iter(names or {plan.label.replace("/", "-")}), f"label {label} on the containers")


def labels_of(resource: Resource) -> dict[str, str]:
    """Return the labels of a container, network or volume."""
    return {label["label"]: label["value"] for label in resource.inputs.get("labels") or []}


def role_of(container: Resource) -> str:
    """Return what a container is in its stack: `server`, `job` or `seed`; empty where it does not say."""
    return labels_of(container).get(ROLE_LABEL, "")


def _network(resource: Resource) -> Network:
    labels = labels_of(resource)
    return Network(
        zone=labels[ZONE_LABEL],
        name=resource.outputs["name"],
        internal=bool(resource.inputs.get("internal")),
        labels=labels,
    )


def _volume(plan: Plan, resource: Resource, seeds: Iterable[Resource]) -> Volume:
    name, labels = str(resource.outputs["name"]), labels_of(resource)
    own = [seed for seed in seeds if any(mount["source"] == name for mount in seed.inputs["mounts"])]
    data = labels.get(DATA_LABEL)
    if data is None and CONTENT_LABEL not in labels:
        raise ValueError(f"volume {name} is labelled neither {DATA_LABEL} nor {CONTENT_LABEL}; label it")
    return Volume(
        name=name,
        key=data or name.removeprefix(f"{compose_name(plan)}-").removeprefix(f"{plan.project}-"),
        data=data is not None,
        files=tuple(sorted((file for seed in own for file in _files(seed, name)), key=lambda file: file.name)),
        driver_opts=resource.inputs.get("driverOpts") or {},
        labels=labels,
        protected=resource.protect,
        backups=data == BACKUPS_DATA,
        seed=own[0] if own else None,
    )


def _files(seed: Resource, volume: str) -> Iterator[File]:
    """Yield what `seed` puts into the volume that the engine calls `volume`."""
    place = next(mount["target"] for mount in seed.inputs["mounts"] if mount["source"] == volume)
    for upload in seed.inputs["uploads"]:
        folder, _, name = upload["file"].rpartition("/")
        if folder == place:
            yield File(name, upload["content"])


def open_secret(value: Any) -> Any:
    """Return `value` without any `Secret` around it or in it."""
    if isinstance(value, Secret):
        return open_secret(value.value)
    if isinstance(value, dict):
        return {key: open_secret(item) for key, item in value.items()}
    return [open_secret(item) for item in value] if isinstance(value, list) else value


def _services(containers: list[Resource], seeded: Collection[str]) -> tuple[Service, ...]:
    by_name: dict[str, list[Resource]] = {}
    for container in sorted(containers, key=lambda container: container.name):
        by_name.setdefault(labels_of(container)[f"{_COMPOSE}service"], []).append(container)
    service_of = {container.urn: name for name, members in by_name.items() for container in members}
    return tuple(_service(name, by_name[name], service_of, seeded) for name in sorted(by_name))


def _service(name: str, members: list[Resource], service_of: Mapping[str, str], seeded: Collection[str]) -> Service:
    first, *others = members
    for other in others:
        if differing := sorted(_differences(first, other)):
            raise ValueError(f"{first.name} and {other.name} of service {name} differ in {', '.join(differing)}")
    needed = {urn for member in members for urn in member.dependencies}
    job = labels_of(first)[ROLE_LABEL] == "job"
    return Service(
        name=name,
        job=job,
        replicas=len(members),
        rolling=not job and first.delete_before_replace is False,
        # Those of a later batch wait for some of an earlier one.
        surge=sum(all(service_of.get(urn) != name for urn in member.dependencies) for member in members),
        labels={key: value for key, value in labels_of(first).items() if not key.startswith(_COMPOSE)},
        inputs={key: value for key, value in first.inputs.items() if key != "labels"},
        # A replica never waits for another one.
        after=tuple(sorted({service_of[urn] for urn in needed if urn in service_of} - {name})),
        prepared=tuple(sorted({mount["source"] for mount in first.inputs.get("mounts") or []} & set(seeded))),
    )


def _differences(first: Resource, second: Resource) -> set[str]:
    one, two = (
        {key: value for key, value in r.inputs.items() if key != "labels"}
        | {f"label {key}": value for key, value in labels_of(r).items() if key not in _OF_ONE_CONTAINER}
        for r in (first, second)
    )
    return {key for key in one.keys() | two.keys() if one.get(key) != two.get(key)}


def _only(found: Iterable[_Item], what: str) -> _Item:
    items = list(found)
    if len(items) != 1:
        raise ValueError(f"the plan must have exactly one {what}; it has {len(items)}")
    return items[0]
