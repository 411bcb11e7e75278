"""Rules: who a container is, and what it may do."""

import functools
import re
from collections.abc import Iterator

from components.core.policy import ContainerPolicy
from components.core.policy_rules import split_option

from .rule import UNKNOWN, Broken, Found, JudgedResource, Kind, NotJudged, Properties, each

_NUMERIC = re.compile(r"(\d+)(?::(\d+))?")
_PROFILES = ("apparmor", "label", "no-new-privileges", "seccomp")


def user(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """Numeric, and neither user nor group is root."""
    group = subject.properties
    named = group.text("user")
    parts = _NUMERIC.fullmatch(named)
    if not named:
        yield Broken(group.at("user"), "is not set, so the image decides, and most images say root")
    elif not parts:
        yield Broken(group.at("user"), "is not a number, or a number and a group: a name means what the image says")
    elif int(parts[1]) == 0:
        yield Broken(group.at("user"), "is root")
    elif not parts[2]:
        yield Broken(group.at("user"), "has no group, so it is that of root unless the image knows the user")
    elif int(parts[2]) == 0:
        yield Broken(group.at("user"), "has the group of root")


def groups(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """No further groups."""
    for path, group in subject.properties.items("groupAdds"):
        yield (
            NotJudged(path)
            if group is UNKNOWN
            else Broken(path, "joins a further group, which may be one of the host", str(group))
        )


def privileged(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """Never."""
    if subject.properties.flag("privileged"):
        yield Broken(subject.properties.at("privileged"), "is true")


def capabilities(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """All dropped; only proven ones added."""
    group = subject.properties.group("capabilities")
    names = subject.properties.names
    drops, adds = (names.get(f"capabilities.{key}", group.at(key)) for key in ("drops", "adds"))
    dropped = [_capability(value) for _, value in group.items("drops") if value is not UNKNOWN]
    # What never starts has nothing to drop; what is added would be there once somebody starts it by hand.
    if subject.kind is not Kind.IDLE and "ALL" not in dropped:
        unknown = any(value is UNKNOWN for _, value in group.items("drops"))
        yield NotJudged(drops) if unknown else Broken(drops, "does not have ALL: the engine's default ones are left")
    proven = {
        p.capability.removeprefix("CAP_") for p in policy.rules.capabilities.proven if p.container == subject.container
    }
    for number, (_, value) in enumerate(group.items("adds")):
        path = f"{adds}[{number}]"
        if value is UNKNOWN:
            yield NotJudged(path)
        elif _capability(value) not in proven:
            yield Broken(path, "adds a capability that is not proven for this container", f"CAP_{_capability(value)}")


def _capability(value: object) -> str:
    return str(value).strip().upper().removeprefix("CAP_")


def no_new_privileges(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """Set, in any of the ways the engine understands; what takes it back is no profile that may be set."""
    group = subject.properties
    options = [value for _, value in group.items("securityOpts")]
    known = [split_option(str(value)) for value in options if value is not UNKNOWN]
    if not {("no-new-privileges", ""), ("no-new-privileges", "true")} & set(known):
        path = group.at("securityOpts")
        yield NotJudged(path) if UNKNOWN in options else Broken(path, "does not have no-new-privileges:true")


def security_profiles(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """The engine's own profiles stay on: the last of two options counts, and an unknown one may do anything."""
    rule = policy.rules.security_profiles
    for path, value in subject.properties.items("securityOpts"):
        if value is UNKNOWN:
            yield NotJudged(path)
        elif not rule.allows(str(value)):
            name, given = split_option(str(value))
            what = f"sets {name} to what is not allowed" if name in _PROFILES else "is no option that may be set"
            yield Broken(path, what, f"{name}={given}")


_NAMESPACES = ("pidMode", "ipcMode", "usernsMode", "utsMode", "cgroupnsMode")
_OWN = {"", "private", "none", "shareable"}


def namespaces(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """None of the host's, none of another container's."""
    for key in _NAMESPACES:
        yield from each([subject.properties], functools.partial(_of_its_own, key=key))
    yield from each([subject.properties], _in_the_engines_group)


def _of_its_own(group: Properties, key: str) -> Iterator[Found]:
    if group.text(key).lower() not in _OWN:
        yield Broken(group.at(key), "is that of the host or of another container", group.text(key))


def _in_the_engines_group(group: Properties) -> Iterator[Found]:
    if parent := group.text("cgroupParent"):
        yield Broken(group.at("cgroupParent"), "moves it out of the engine's own control group", parent)


_RUNTIMES = ("", "runc", "io.containerd.runc.v2")
"""The engine's own, whose name no configuration of the engine can give to another one."""


def devices(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """None."""
    group = subject.properties

    def none(device: Properties) -> Iterator[Found]:
        yield Broken(device.path, "hands a device of the host to the container", device.shown("hostPath"))

    yield from each(group.groups("devices"), none)
    for key in ("deviceRequests", "deviceCgroupRules"):
        for path, _value in group.items(key):
            yield Broken(path, "hands devices of the host to the container", key)
    yield from each([group], _of_the_runtime)
    if group.text("gpus"):
        yield Broken(group.at("gpus"), "hands the host's GPUs to the container", "gpus")


def _of_the_runtime(group: Properties) -> Iterator[Found]:
    if (runtime := group.text("runtime")) not in _RUNTIMES:
        yield Broken(group.at("runtime"), "is not the engine's own, and may hand devices of the host over", runtime)


def sysctls(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Only those of the list."""
    group = subject.properties
    for name in sorted(group.mapping("sysctls")):
        if name not in policy.rules.sysctls.allowed:
            yield Broken(f'{group.at("sysctls")}["{name}"]', "is not among the harmless kernel settings", name)
