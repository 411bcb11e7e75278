"""Run a Pulumi program without an engine and record everything it registers."""

import asyncio
import gc
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import mocks, rpc
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import Stack

from components.core.text import as_whole

if TYPE_CHECKING:
    from pulumi.runtime.proto import resource_pb2

_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's wire marker
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of what stands for a secret, or for another value that JSON has not: on the wire, and in a state."""
_STACK = "pulumi:pulumi:Stack"
UUID7 = "random:index/randomUuid7:RandomUuid7"
_FIXED_MILLISECONDS = 1_735_689_600_000  # 2025-01-01: certificates of a fixed plan need a date
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi keeps encrypted; printing it shows no content."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


@dataclass
class Resource:
    """One resource as the engine would have seen it."""

    type: str
    """Type token, such as `docker:index/container:Container`."""
    name: str
    urn: str
    parent: str | None
    """URN of the parent; `None` below the stack."""
    custom: bool
    """Whether a provider makes it; a component is not custom."""
    inputs: dict[str, Any]
    """Inputs, camelCase as on the wire; secrets are `Secret`."""
    dependencies: tuple[str, ...]
    """URNs of what must be there first."""
    protect: bool
    """Whether Pulumi refuses to delete it."""
    delete_before_replace: bool | None
    """Whether a replacement waits for the end of the old one; `None` leaves it to the provider."""
    replace_on_changes: tuple[str, ...]
    """Inputs whose change replaces it."""
    retain_on_delete: bool
    """Whether the real thing stays when the resource goes."""
    aliases: tuple[str, ...] = ()
    """URNs it had in earlier releases, those too that follow from a parent's."""
    id: str = ""
    """The ID it has in the plan; empty for a component, and where nobody can know it."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs a component registered, or a provider would have computed."""

    @property
    def place(self) -> str:
        """What tells it from all others of its stack, whatever that is called: the end of its URN."""
        return place_of(self.urn)


@dataclass
class Plan:
    """All resources of a program in the order they were registered, and the stack's outputs."""

    project: str
    stack: str
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The stack's name on everything it makes: `project/stack`."""
        return f"{self.project}/{self.stack}"

    def of_type(self, token: str) -> list[Resource]:
        """Return the resources of type `token`."""
        return [resource for resource in self.resources if resource.type == token]

    def named(self, name: str, token: str | None = None) -> Resource:
        """Return the one resource called `name`.

        Raises:
            KeyError: when there is none, or more than one.
        """
        found = [r for r in self.resources if r.name == name and token in (None, r.type)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} resources are called {name}")
        return found[0]


def place_of(urn: str) -> str:
    """Return the end of a URN: the types of its parents and its own, and its name."""
    return urn.split("::", 2)[2]


def planned_name(kind: str, name: str, inputs: Mapping[str, Any], stack: str) -> str:
    """Return what the engine would call a network or volume; an image's own name."""
    if kind.endswith(":Network"):
        # The real name has a random end. In Compose it is this one, and two stacks may share a host.
        return str(inputs.get("name", f"{name}-{stack}"))
    return str(inputs.get("name", name))


Values = Callable[[str, str], bytes]
"""Gives the random bytes of a resource, by type and name."""


def fixed_values(kind: str, name: str) -> bytes:
    """Return bytes that are the same in every run and no secret: what a plan that nobody runs is made of."""
    digest = hashlib.sha256(f"{kind}/{name}".encode()).digest()
    return uuid7(_FIXED_MILLISECONDS, digest) if kind == UUID7 else digest


def uuid7(milliseconds: int, random: bytes) -> bytes:
    """Return a version 7 UUID: the time it was made, in milliseconds since 1970, and at least 10 random bytes."""
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + random[:10], "big")
    return (number & ~(0xF << 76) & ~(0b11 << 62) | 7 << 76 | 0b10 << 62).to_bytes(16, "big")


def record(program: Callable[[], object], *, project: str, stack: str, values: Values = fixed_values) -> Plan:
    """Return the plan of `program` as it would register in `stack`.

    Raises:
        Exception: whatever the program raises.
    """
    plan = Plan(project, stack)
    monitor = _Monitor(plan, values)
    if isinstance(earlier := get_root_resource(), Stack):
        # The stack of an earlier recording is used again; what that one exported is not ours.
        earlier.outputs = {}
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(monitor.mocks, project, stack, preview=False, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        program()
        # The stack of the mocks registered its outputs before the program had any.
        root = get_root_resource()
        if isinstance(root, Stack):
            root.register_outputs(root.outputs)

    with _no_collections():
        run()
    if isinstance(root := get_root_resource(), Stack):
        # They came as a map, which has no order; a person reads them in the program's.
        plan.outputs = {name: plan.outputs[name] for name in root.outputs if name in plan.outputs}
    return plan


@contextmanager
def _no_collections() -> Iterator[None]:
    """Do not look for garbage: a plan is tens of thousands of objects that stay, and looking took half of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Monitor(mocks.MockMonitor):
    """Records the requests themselves: plain mocks see neither parents, nor options, nor outputs, nor secrets."""

    def __init__(self, plan: Plan, values: Values) -> None:
        super().__init__(_Mocks(values))
        self._plan = plan
        self._by_urn: dict[str, Resource] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != _STACK:
            self._add(request, response)
        return _all_else_unknown(response)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - gRPC name
        return _all_else_unknown(super().ReadResource(request))  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC name
        outputs = _plain(rpc.deserialize_properties(request.outputs, keep_unknowns=True))
        if resource := self._by_urn.get(request.urn):
            resource.outputs = outputs
        elif f"::{_STACK}::" in request.urn:
            self._plan.outputs |= outputs
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def _add(
        self, request: "resource_pb2.RegisterResourceRequest", response: "resource_pb2.RegisterResourceResponse"
    ) -> None:
        urn = response.urn
        if urn in self._by_urn:
            raise ValueError(f"two resources share the name {request.name} and the type {request.type}; rename one")
        self._by_urn[urn] = resource = Resource(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent if f"::{_STACK}::" not in request.parent else None,
            custom=request.custom,
            inputs=_nested(request.object),
            dependencies=tuple(request.dependencies),
            protect=request.protect,
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            replace_on_changes=tuple(request.replaceOnChanges),
            retain_on_delete=request.retainOnDelete,
            aliases=self._aliases(request),
            id=response.id,
            outputs=_plain(rpc.deserialize_properties(response.object, keep_unknowns=True)) if request.custom else {},
        )
        self._plan.resources.append(resource)

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the URN that Pulumi would give: with the types of all parents, and not of the last one only."""
        above = parent.split("::")[2] if parent else _STACK
        kind = type_ if above == _STACK else f"{above}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{kind}::{name}"

    def _aliases(self, request: "resource_pb2.RegisterResourceRequest") -> tuple[str, ...]:
        own = [(request.name, request.type)]
        found: list[str] = []
        for alias in request.aliases:
            if alias.urn:
                found.append(alias.urn)
                continue
            name, kind = alias.spec.name or request.name, alias.spec.type or request.type
            own.append((name, kind))
            parent = "" if alias.spec.noParent else alias.spec.parentUrn or request.parent
            found.append(self.make_urn(parent, kind, name))
        # What a parent was called, its children were called after.
        if parent_resource := self._by_urn.get(request.parent):
            for former in parent_resource.aliases:
                for name, kind in own:
                    began = name.startswith(parent_resource.name)
                    end = name[len(parent_resource.name) :]
                    found.append(self.make_urn(former, kind, f"{former.rpartition('::')[2]}{end}" if began else name))
        return tuple(dict.fromkeys(found))


def _all_else_unknown(response: Any) -> Any:
    """Say that outputs which are not in `response` are unknown: as None they would look like something nobody set."""
    response.unknown = True
    return response


class _Mocks(mocks.Mocks):
    """Computes what providers would: names, image IDs, random values."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        computed = _computed(args.typ, args.name, args.inputs, self._values)
        # No ID is one that is not known yet.
        identity = "" if computed is None else f"{args.name}-id"
        return identity, dict(args.inputs) | (computed or {})

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(f"the plan cannot look up {args.token}: give the value in the settings instead")


def _computed(  # noqa: PLR0911 - a table
    kind: str, name: str, inputs: Mapping[str, Any], values: Values
) -> dict[str, Any] | None:
    """Return what a provider would have computed; `None` for a type that this table does not know."""
    match kind.rpartition(":")[2]:
        case "Network" | "Volume":
            return {"name": planned_name(kind, name, inputs, pulumi.get_stack())}
        case "RemoteImage":
            # The image's own name: what a person reads, and what Compose runs.
            return {"imageId": inputs["name"]}
        case "Container":
            return {"exitCode": 0, "containerLogs": ""}
        case "Image":
            return {"digest": "", "ref": (inputs.get("tags") or [""])[0]}
        case "RandomPassword":
            stretched = hashlib.shake_256(values(kind, name)).digest(int(inputs["length"]))
            return {"result": _secret("".join(_ALPHABET[byte % len(_ALPHABET)] for byte in stretched))}
        case "RandomId":
            return {"hex": fixed_values(kind, name).hex()[: 2 * int(inputs["byteLength"])]}
        case "RandomString":
            # No secret, and so the same on every machine: the committed Compose files name it.
            return {"result": fixed_values(kind, name).hex()[: int(inputs["length"])]}
        case "RandomUuid7":
            return {"result": str(uuid.UUID(bytes=values(kind, name)[:16]))}
        case _:
            return None


def _secret(value: str) -> dict[str, str]:
    return {SIGNATURE: _SECRET, "value": value}


def _nested(value: Any) -> Any:
    """Return what is on the wire, each secret where it is: Pulumi's reader makes one of all that is around it."""
    if isinstance(value, struct_pb2.Struct) and SIGNATURE not in value:
        return {key: _nested(item) for key, item in value.items()}
    if isinstance(value, struct_pb2.Struct) and value[SIGNATURE] == _SECRET:
        return Secret(_nested(value["value"]))
    if isinstance(value, struct_pb2.ListValue):
        return [_nested(item) for item in value]
    return _plain(rpc.deserialize_property(value, keep_unknowns=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == _SECRET:
            return Secret(_plain(value["value"]))
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return as_whole(value)
