"""Rules: how much a container takes, and what happens when it fails."""

from collections.abc import Iterator

from components.core.labels import PIDS_LABEL, ROLE_LABEL
from components.core.policy import ContainerPolicy

from .rule import UNKNOWN, Broken, Found, JudgedResource, Kind, NotJudged, Properties, each


def memory(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """A limit, and no swap on top."""
    group = subject.properties
    limit = group.number("memory")
    if limit <= 0:
        yield Broken(group.at("memory"), "is not set")
    elif subject.kind is Kind.SERVICE:
        yield NotJudged(group.at("memorySwap"), "is nothing that a service can set; take swap off every node")
    elif group.number("memorySwap") != limit:
        yield Broken(group.at("memorySwap"), "is not the same as memory, so the container may swap")


def cpu(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """A limit; shares alone only count while others are busy."""
    group = subject.properties
    if group.number("cpus") <= 0 and group.number("cpuQuota") <= 0:
        yield Broken(group.at("cpus"), "is not set, and neither is cpuQuota")


def pids(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """The engine's own number where it is known, else what the label announces."""
    group, most = subject.properties, policy.rules.pids.max
    if group.get("pidsLimit") is not None:
        path, limit = group.at("pidsLimit"), group.number("pidsLimit")
    else:
        path, text = f'{group.at("labels")}["{PIDS_LABEL}"]', _label(group, PIDS_LABEL)
        limit = int(text) if text.isdecimal() else 0
    if limit <= 0:
        yield Broken(path, "sets no limit of processes")
    elif limit > most:
        yield Broken(path, f"is above {most}")


def ulimits(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Nothing above the ceilings."""
    ceilings = policy.rules.ulimits.ceilings

    def below(limit: Properties) -> Iterator[Found]:
        name, hard = limit.text("name"), limit.number("hard")
        if name not in ceilings:
            yield Broken(limit.at("name"), "is not among the limits that may be set", name)
        elif not 0 <= hard <= ceilings[name]:
            yield Broken(limit.at("hard"), f"is above {ceilings[name]}", name)

    yield from each(subject.properties.groups("ulimits"), below)


_TMPFS_SIZES = ("size", "nr_blocks")


def tmpfs(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Sized, and nothing in it can be executed."""
    group = subject.properties
    for path, value in group.items("tmpfs"):
        if value is UNKNOWN:
            yield NotJudged(path)
            continue
        options = [option.strip() for option in str(value).split(",")]
        for wanted in policy.rules.tmpfs.options:
            # The last one of two that contradict each other would count.
            if wanted not in options or wanted.removeprefix("no") in options:
                yield Broken(path, f"does not have the option {wanted}")
        # The kernel goes by the last one, and 0 is no limit to it.
        sizes = [size for name, _, size in (option.partition("=") for option in options) if name in _TMPFS_SIZES]
        if not sizes or sizes[-1].startswith("0"):
            yield Broken(path, "has no size")

    def sized(mount: Properties) -> Iterator[Found]:
        if mount.text("type") == "tmpfs" and mount.group("tmpfsOptions").number("sizeBytes") <= 0:
            yield Broken(f"{mount.at('tmpfsOptions')}.sizeBytes", "is not set")

    yield from each(group.groups("mounts"), sized)


def logs(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Rotated by the driver, or told to be."""
    group = subject.properties
    driver = group.text("logDriver")
    if driver in policy.rules.logs.rotating:
        return
    if "max-size" not in group.mapping("logOpts"):
        missing = "is not set: the engine's default, json-file, never rotates" if not driver else "does not rotate"
        yield Broken(group.at("logDriver"), f"{missing}, and logOpts has no max-size")


def restart(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """By itself. A job ends, and so has nothing to restart."""
    group, rule = subject.properties, policy.rules.restart
    policy_name = group.text("restart")
    if policy_name in ("", "no") and _is_job(group):
        return
    if policy_name not in rule.allowed:
        is_not = "is not set" if not policy_name else "is not allowed"
        yield Broken(group.at("restart"), f"{is_not}; allowed: {', '.join(rule.allowed)}")
    elif policy_name == "on-failure" and not 0 < group.number("maxRetryCount") <= rule.max_retries:
        yield Broken(group.at("maxRetryCount"), f"is not 1 to {rule.max_retries}, so it may start for ever")


def health_check(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """Every server; a job's health is its exit code."""
    group = subject.properties
    if _is_job(group):
        return
    tests = [value for _, value in group.group("healthcheck").items("tests")]
    if not tests:
        yield Broken(group.at("healthcheck"), "is not set")
    elif tests[0] is UNKNOWN:
        yield NotJudged(f"{group.at('healthcheck')}.tests[0]")
    elif str(tests[0]).upper() == "NONE" or len(tests) == 1:
        yield Broken(f"{group.at('healthcheck')}.tests", "switches the health check off")


_ROLES_THAT_END = frozenset({"job", "seed"})
"""Docker Compose starts seeds, so that the engine prepares their volume; they end at once."""


def _is_job(group: Properties) -> bool:
    """Tell whether it runs to its end and somebody waits for that: `mustRun: false` alone is a server nobody misses."""
    return group.flag("mustRun") is False and (
        bool(group.flag("attach")) or _label(group, ROLE_LABEL) in _ROLES_THAT_END
    )


def _label(group: Properties, name: str) -> str:
    return next((label.text("value") for label in group.groups("labels") if label.text("label") == name), "")
