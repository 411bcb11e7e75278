"""Rules: what a container reaches, and what reaches it."""

import fnmatch
import functools
import posixpath
import re
from collections.abc import Iterator

from components.core.labels import ZONE_LABEL
from components.core.policy import ContainerPolicy
from components.core.policy_rules import HostMountsRule

from .rule import Broken, Found, JudgedResource, Kind, NotJudged, Properties, each

_DEFAULT_BRIDGE = ("bridge", "default")
_ID_OF_A_NETWORK = re.compile(r"[0-9a-f]+")
"""The beginning of an ID is enough for the engine."""


def read_only_root(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """Set."""
    if not subject.properties.flag("readOnly"):
        yield Broken(subject.properties.at("readOnly"), "is not true")


def network(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """On networks somebody made, or on none; on that of a closed zone only who is listed."""

    def mode(group: Properties) -> Iterator[Found]:
        name = group.text("networkMode")
        kind = name.lower()
        if kind == "host" or kind.startswith("container:"):
            yield Broken(group.at("networkMode"), "is the host's network, or another container's", kind)
        elif kind not in ("", "none", *_DEFAULT_BRIDGE):
            yield from _joined(subject, policy, group.at("networkMode"), name)
        # The provider writes `bridge` by itself; a container that joins other networks is not on it.
        elif kind != "none" and not group.values.get("networksAdvanced"):
            yield Broken(
                group.at("networksAdvanced"), "is not set, so the container is on the default bridge", "bridge"
            )

    def listed(joins: Properties) -> Iterator[Found]:
        yield from _joined(subject, policy, joins.at("name"), joins.text("name"))

    yield from each([subject.properties], mode)
    yield from each(subject.properties.groups("networksAdvanced"), listed)


def _joined(subject: JudgedResource, policy: ContainerPolicy, path: str, name: str) -> Iterator[Found]:
    """Judge a network that a container is on, by its name or its ID."""
    members, zones = policy.rules.network.members, subject.facts.zones
    if name.lower() in ("host", *_DEFAULT_BRIDGE):
        yield Broken(path, "is the host's network or the default bridge", name.lower())
    elif name not in zones and _ID_OF_A_NETWORK.fullmatch(name):
        yield NotJudged(path, "may be a network's ID, which does not say whose network it is; give its name")
    zone = zones.get(name, "")
    if zone in members and subject.container not in members[zone]:
        yield Broken(path, f"is a network of zone {zone}, where this service is not listed", zone)


def segments(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Networks themselves: a known driver, and no way out where none is needed."""
    group, rule = subject.properties, policy.rules.segments
    if (driver := group.text("driver") or "bridge") not in rule.drivers:
        yield Broken(group.at("driver"), f"is not one of {', '.join(rule.drivers)}", driver)
    zones = [label.text("value") for label in group.groups("labels") if label.text("label") == ZONE_LABEL]
    if set(zones) & set(rule.internal_zones) and not group.flag("internal"):
        yield Broken(group.at("internal"), "is not true on a network that must have no way out", zones[0])


def ports(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Only the edge, on an address that is written down."""
    group, rule = subject.properties, policy.rules.ports
    may = subject.container in rule.publishers
    if group.flag("publishAllPorts"):
        yield Broken(group.at("publishAllPorts"), "is true: every port of the image is published", "all")

    def published(port: Properties) -> Iterator[Found]:
        if not may:
            yield Broken(port.path, "publishes a port of a service that is not the edge", port.shown("external"))
            return
        external = int(port.number("external"))
        if subject.kind is not Kind.SERVICE and not port.text("ip"):
            yield Broken(port.at("ip"), "is not set, which means every address of the host", str(external))
        if external == 0:
            yield Broken(port.at("external"), "is not set, so the engine picks any", str(external))
        elif external < 1024 and external not in rule.privileged:  # noqa: PLR2004 - what only root may bind
            yield Broken(port.at("external"), "is below 1024 and not among the ports of the edge", str(external))

    yield from each(group.groups("ports"), published)


def host_mounts(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Nothing that rules the host, however it is mounted."""
    group, rule = subject.properties, policy.rules.host_mounts
    yield from each(group.groups("mounts"), functools.partial(_mounted, rule))
    yield from each(group.groups("volumes"), functools.partial(_bound, rule))
    # A volume of the local driver can be a folder of the host too.
    yield from each([group], functools.partial(_device, rule, "driverOpts"))


def _mounted(rule: HostMountsRule, mount: Properties) -> Iterator[Found]:
    if mount.text("type").lower() == "bind":
        if not mount.text("source"):
            yield NotJudged(mount.at("source"), "is not set, so nobody can tell what of the host it is")
        yield from _shared(rule, (mount.at("source"), mount.text("source")), (mount.at("target"), mount.text("target")))
    yield from _device(rule, "driverOptions", mount.group("volumeOptions"))


def _bound(rule: HostMountsRule, volume: Properties) -> Iterator[Found]:
    key, source = _of_the_host(volume)
    if source:
        seen = (volume.at("containerPath"), volume.text("containerPath"))
        yield from _shared(rule, (volume.at(key), source), seen)
    if volume.text("fromContainer"):
        yield Broken(volume.at("fromContainer"), "takes over whatever another container mounts", "volumes-from")


def _shared(rule: HostMountsRule, source: tuple[str, str], target: tuple[str, str]) -> Iterator[Found]:
    """Judge what of the host a container sees: by what it is, and where that says nothing, by what it is there."""
    found = list(_out_of_reach(rule, *source))
    yield from found
    path, place = target[0], _clean(target[1])
    if not found and _is_socket(rule, place):
        yield Broken(path, f"is where programs look for {posixpath.basename(place)}", _clean(source[1]))


def _is_socket(rule: HostMountsRule, path: str) -> bool:
    return any(fnmatch.fnmatchcase(posixpath.basename(path), name) for name in rule.sockets)


def _device(rule: HostMountsRule, key: str, volume: Properties) -> Iterator[Found]:
    """Judge what the local driver hands to mount(8): whatever the type, `o=bind` mounts a folder of the host."""
    options = volume.group(key)
    kind, binds = options.text("type").lower(), _binds(options)
    if kind and not binds and kind not in rule.volume_types:
        allowed = f"one of {', '.join(rule.volume_types)}, or none with o=bind"
        yield Broken(f'{options.path}["type"]', f"is not {allowed}", kind)
    if binds or kind not in rule.volume_types:
        yield from _out_of_reach(rule, f'{options.path}["device"]', options.text("device"))
    for part in re.split(r"[,=:]", options.text("o")):
        if part.startswith("/"):
            yield from _out_of_reach(rule, f'{options.path}["o"]', part)


def _binds(options: Properties) -> bool:
    return bool({"bind", "rbind"} & {word.strip() for word in options.text("o").lower().split(",")})


def _out_of_reach(rule: HostMountsRule, path: str, written: str) -> Iterator[Found]:
    if not (source := _clean(written)):
        return
    if _is_socket(rule, source):
        yield Broken(path, f"is {posixpath.basename(source)}, which is as good as root on the host", source)
        return
    for folder in rule.forbidden:
        if _inside(source, folder):
            yield Broken(path, f"is {folder} of the host, or in it", source)
            return
        if _holds(source, folder):
            yield Broken(path, f"has {folder} of the host in it", source)
            return


def read_only_mounts(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """What is of the host cannot be written, and its mounts stay apart."""
    group = subject.properties

    def mounted(mount: Properties) -> Iterator[Found]:
        # A volume that is declared on the spot can be a folder of the host too.
        options = mount.group("volumeOptions").group("driverOptions")
        source = _clean(mount.text("source") if mount.text("type").lower() == "bind" else options.text("device"))
        if mount.text("type").lower() != "bind" and not _binds(options):
            return
        if not mount.flag("readOnly"):
            yield Broken(mount.at("readOnly"), "is not true", source)
        if mount.group("bindOptions").text("propagation") not in ("", "private", "rprivate"):
            yield Broken(f"{mount.at('bindOptions')}.propagation", "is not private", source)

    def bound(volume: Properties) -> Iterator[Found]:
        _, source = _of_the_host(volume)
        if source and not volume.flag("readOnly"):
            yield Broken(volume.at("readOnly"), "is not true", _clean(source))

    yield from each(group.groups("mounts"), mounted)
    yield from each(group.groups("volumes"), bound)


def _of_the_host(volume: Properties) -> tuple[str, str]:
    """Return where a volume names a path of the host, and that path: to the engine a name with a slash is one too."""
    if path := volume.text("hostPath"):
        return "hostPath", path
    name = volume.text("volumeName")
    return "volumeName", name if name.startswith("/") else ""


def _clean(path: str) -> str:
    """Return the path without `..`, `.` and repeated slashes: all of them lead to the same folder."""
    return posixpath.normpath(re.sub(r"/+", "/", path)) if path else ""


def _inside(path: str, pattern: str) -> bool:
    return len(_names(path)) >= len(_names(pattern)) and _agree(path, pattern)


def _holds(path: str, pattern: str) -> bool:
    return len(_names(path)) < len(_names(pattern)) and _agree(path, pattern)


def _agree(path: str, pattern: str) -> bool:
    """Compare name by name as far as both go; what is not an absolute path is none of the host's."""
    return path.startswith("/") and all(map(fnmatch.fnmatchcase, _names(path), _names(pattern)))


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]
