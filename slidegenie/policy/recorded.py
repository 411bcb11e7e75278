"""Judge a recorded plan: no Pulumi command line, no engine, no network."""

import datetime
from collections.abc import Iterator

from pulumi.output import Unknown
from pulumi.runtime import rpc

from components.core.policy import ContainerPolicy

from ..plan.record import Plan, Resource, Secret
from .images import built_tags, pushed_repositories
from .judge import PolicyResult, judge
from .normalized import NETWORK, REMOTE_IMAGE, judged_resource, plain, zone_of
from .rule import JudgedResource, ProgramFacts


def judge_plan(plan: Plan, policy: ContainerPolicy, today: datetime.date) -> PolicyResult:
    """Return what `policy` says on `today` about everything in `plan`."""
    return judge(judged_resources(plan), policy, today)


def judged_resources(plan: Plan) -> Iterator[JudgedResource]:
    """Yield what rules are about."""
    facts = facts_of(plan)
    for resource in plan.resources:
        properties, hidden = _plain(resource)
        subject = judged_resource(resource.type, resource.name, properties, hidden=hidden, facts=facts)
        if subject is not None:
            yield subject


def facts_of(plan: Plan) -> ProgramFacts:
    """Return the images that the program builds, pushes or pulls, and the zones of its networks."""
    inputs = [(resource.type, _plain(resource)[0]) for resource in plan.resources]
    built = frozenset(tag for kind, properties in inputs for tag in built_tags(kind, properties))
    pushed = frozenset(place for kind, properties in inputs for place in pushed_repositories(kind, properties))
    # A plan has no engine to ask for image IDs: a RemoteImage's own name stands for its ID.
    pulled = frozenset(str(image.outputs.get("imageId")) for image in plan.of_type(REMOTE_IMAGE))
    zones = {
        called: zone_of(_plain(network)[0])
        for network in plan.of_type(NETWORK)
        for called in (str(network.outputs["name"]), network.id)
    }
    return ProgramFacts(built=built, pushed=pushed, pulled=pulled, planned=True, zones=zones)


def _plain(resource: Resource) -> tuple[dict[str, object], frozenset[str]]:
    properties, hidden = plain(
        resource.inputs,
        lambda value: isinstance(value, Unknown) or value == rpc.UNKNOWN,
        lambda value: value.value if isinstance(value, Secret) else value,
    )
    return properties, hidden
