"""What containers are made from and stand on: data, images, limits, secrets."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.core.labels import DATA_LABEL

from ..plan.record import Plan, Resource
from ..plan.view import BUILT, CONTAINER, PASSWORD, VOLUME, labels_of, role_of
from .compared import Comparison, images_called
from .outcome import Fate, Outcome
from .services import service_name

_SEEDS = "containers that prepare volumes"
_MANAGED = "a volume of the engine's"


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """A volume of data that is touched."""

    data: str
    """What it holds."""
    what: str
    """What becomes of it."""


@dataclass(frozen=True, kw_only=True)
class ImageChange:
    """An image that services run, and the one before."""

    services: tuple[str, ...]
    """Services that run it."""
    before: str | None
    """The image before; `None` where there was none."""
    after: str | None
    """The image afterwards; `None` where there is none."""
    digest: str | None
    """The digest that `after` names. `None` where it names none: the registry, or the build, decides."""
    built_from: tuple[str, ...] = ()
    """What of it changes where it is built: inputs of the build, changed files."""


@dataclass(frozen=True, kw_only=True)
class LimitsChange:
    """What all servers together may use."""

    memory_mib: tuple[int, int]
    """Memory before and after, in MiB."""
    cpus: tuple[float, float]
    """CPUs before and after."""


@dataclass(frozen=True, kw_only=True)
class SecretChange:
    """A secret that is made, goes, or gets another value; never the value."""

    name: str
    """Its name."""
    what: str
    """What becomes of it."""


def data_changes(comparison: Comparison) -> list[DataChange]:
    """Return what becomes of volumes of data."""
    found = ((labels_of(o.resource).get(DATA_LABEL), o) for o in comparison.of_type(VOLUME))
    changes = [
        DataChange(data=data, what=what) for data, outcome in found if data is not None and (what := _data(outcome))
    ]
    return sorted(changes, key=lambda change: change.data)


def _data(outcome: Outcome) -> str | None:
    before, after = outcome.before, outcome.after
    if before is None or after is None:
        place = _place(outcome.resource)
        if after is not None:
            return f"made: {place}"
        if outcome.resource.protect:
            return f"removed: {place}; it is protected, so the update is refused until somebody lets it go"
        return f"removed: {place}" + (", which the engine keeps" if outcome.resource.retain_on_delete else "")
    if outcome.fate.replaced:
        old, new = _place(before), _place(after)
        what = f"moved from {old} to {new}; nothing is copied" if old != new else "made anew, empty where it is managed"
        return f"{what}; it is protected, so the update is refused until somebody lets it go" if after.protect else what
    return "no longer protected" if before.protect and not after.protect else None


def _place(volume: Resource) -> str:
    return str((volume.inputs.get("driverOpts") or {}).get("device") or _MANAGED)


def image_changes(comparison: Comparison) -> list[ImageChange]:
    """Return the images that change, by name."""
    found: dict[tuple[str | None, str | None, tuple[str, ...]], list[str]] = {}
    old, new = _images(comparison.before), _images(comparison.after)
    for user in sorted(old.keys() | new.keys()):
        before, after = old.get(user), new.get(user)
        built = tuple(_built_from(comparison, after)) if after is not None else ()
        if before != after or built:
            found.setdefault((before, after, built), []).append(user)
    return [
        ImageChange(
            services=tuple(users),
            before=before,
            after=after,
            digest=(after or "").partition("@")[2] or None,
            built_from=built,
        )
        for (before, after, built), users in sorted(found.items(), key=lambda item: str(item[0][1] or item[0][0]))
    ]


def _images(plan: Plan) -> dict[str, str]:
    """Return the image of each service, and that of seeds."""
    found = {}
    for container in plan.of_type(CONTAINER):
        found[_SEEDS if role_of(container) == "seed" else service_name(container)] = _image(plan, container)
    return found


def _image(plan: Plan, container: Resource) -> str:
    """Return what a person calls the image of a container, which the state knows by its ID."""
    image = str(container.inputs.get("image"))
    return next((str(one.inputs["name"]) for one in images_called(plan, image) if one.inputs.get("name")), image)


def _built_from(comparison: Comparison, image: str) -> Iterator[str]:
    images = list(images_called(comparison.after, image))
    urns = {urn for one in images for urn in (one.urn, *one.dependencies)}
    for outcome in comparison.of_type(BUILT):
        if outcome.resource.urn in urns and outcome.fate is Fate.UPDATED:
            yield from sorted(outcome.changed - {"context"})
            yield from sorted(comparison.rebuilt.get(outcome.resource.place, outcome.changed & {"context"}))


def limits_change(comparison: Comparison) -> LimitsChange:
    """Return what all servers together may use, before and after."""
    before, after = _totals(comparison.before), _totals(comparison.after)
    return LimitsChange(memory_mib=(before[0], after[0]), cpus=(before[1], after[1]))


def _totals(plan: Plan) -> tuple[int, float]:
    servers = [c for c in plan.of_type(CONTAINER) if role_of(c) in ("", "server")]
    memory = sum(int(server.inputs.get("memory") or 0) for server in servers)
    return memory, round(sum(float(server.inputs.get("cpus") or 0) for server in servers), 3)


def secret_changes(comparison: Comparison) -> list[SecretChange]:
    """Return the generated secrets that are made, go or are made anew."""
    what = {Fate.ADDED: "generated", Fate.REMOVED: "generated no longer"}
    return [
        SecretChange(name=outcome.resource.name, what=what.get(outcome.fate, "generated anew"))
        for outcome in comparison.of_type(PASSWORD)
        if outcome.fate is not Fate.SAME
    ]
