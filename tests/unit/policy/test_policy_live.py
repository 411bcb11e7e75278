"""What `docker inspect` says, judged by the same rules; and the file it leaves for the dashboard."""

import copy
import datetime
from typing import Any

import pytest

from components.core.policy import default_policy
from slidegenie.policy.judge import PolicyResult, judge
from slidegenie.policy.rule import ProgramFacts
from slidegenie.policy.subjects import judged_container, judged_network, judged_volume, metrics, zones_of

from .policy_cases import TODAY

STARTED = "2026-11-23T10:00:00.0Z"
INSPECTED: dict[str, Any] = {
    "Id": "1" * 64,
    "Name": "/slidegenie-app-1-abc",
    "Image": "sha256:" + "a" * 64,
    "AppArmorProfile": "docker-default",
    "State": {"Status": "running", "StartedAt": STARTED},
    "Config": {
        "User": "1000:1000",
        "Image": "sha256:" + "a" * 64,
        "Env": ["LEVEL=info"],
        "Cmd": ["serve"],
        "Entrypoint": None,
        "Healthcheck": {"Test": ["CMD", "true"]},
        "Labels": {"com.docker.compose.service": "app", "io.slidegenie.role": "server"},
    },
    "HostConfig": {
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapAdd": None,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
        "CgroupnsMode": "private",
        "CgroupParent": "",
        "Devices": [],
        "Ulimits": None,
        "Memory": 2**26,
        "MemorySwap": 2**26,
        "NanoCpus": 10**9,
        "CpuQuota": 0,
        "PidsLimit": 64,
        "Tmpfs": {"/tmp": "noexec,nosuid,nodev,size=16m"},  # noqa: S108 - a folder of the container
        "LogConfig": {"Type": "local", "Config": {"max-size": "20m"}},
        "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
        # As the provider leaves it: the container is on networks of its own, and the mode still says this.
        "NetworkMode": "bridge",
        "PortBindings": {},
        "PublishAllPorts": False,
        "VolumesFrom": None,
    },
    "NetworkSettings": {"Networks": {"slidegenie-application": {}}},
    "Mounts": [{"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "RW": True}],
}


def inspected(**changes: Any) -> dict[str, Any]:
    """Return a container; `Config__User` changes what is at `Config` and `User`."""
    container = copy.deepcopy(INSPECTED)
    for key, value in changes.items():
        group, _, name = key.partition("__")
        if name:
            container[group][name] = value
        else:
            container[group] = value
    return container


def judged(*containers: dict[str, Any], cgroup_v2: bool = True, today: datetime.date = TODAY) -> PolicyResult:
    facts = ProgramFacts(zones={"slidegenie-control": "control"})
    subjects = [judged_container(c, cgroup_v2=cgroup_v2, facts=facts) for c in containers]
    return judge([subject for subject in subjects if subject], default_policy(), today)


def found(*containers: dict[str, Any], **rest: Any) -> list[tuple[str, str]]:
    return [(violation.rule, violation.path) for violation in judged(*containers, **rest).violations]


def test_a_container_as_the_platform_makes_it_is_clean() -> None:
    assert found(inspected()) == []


@pytest.mark.parametrize(
    ("changes", "caught"),
    [
        ({"Config__User": ""}, ("user", "user")),
        ({"HostConfig__ReadonlyRootfs": False}, ("readOnlyRoot", "readOnly")),
        ({"HostConfig__Privileged": True}, ("privileged", "privileged")),
        ({"HostConfig__CapDrop": None}, ("capabilities", "capabilities.drops")),
        ({"HostConfig__CapAdd": ["CAP_SYS_PTRACE"]}, ("capabilities", "capabilities.adds[0]")),
        ({"HostConfig__SecurityOpt": None}, ("noNewPrivileges", "securityOpts")),
        ({"AppArmorProfile": "unconfined"}, ("securityProfiles", "securityOpts[1]")),
        ({"HostConfig__PidMode": "host"}, ("namespaces", "pidMode")),
        ({"HostConfig__UTSMode": "host"}, ("namespaces", "utsMode")),
        ({"HostConfig__CgroupnsMode": "host"}, ("namespaces", "cgroupnsMode")),
        ({"HostConfig__CgroupParent": "/mine"}, ("namespaces", "cgroupParent")),
        ({"HostConfig__Devices": [{"PathOnHost": "/dev/sda"}]}, ("devices", "devices[0]")),
        ({"HostConfig__Runtime": "nvidia"}, ("devices", "runtime")),
        ({"HostConfig__Sysctls": {"net.ipv4.ip_forward": "1"}}, ("sysctls", 'sysctls["net.ipv4.ip_forward"]')),
        ({"HostConfig__Memory": 0, "HostConfig__MemorySwap": 0}, ("memory", "memory")),
        ({"HostConfig__MemorySwap": -1}, ("memory", "memorySwap")),
        ({"HostConfig__NanoCpus": 0}, ("cpu", "cpus")),
        ({"HostConfig__PidsLimit": None}, ("pids", "pidsLimit")),
        ({"HostConfig__PidsLimit": -1}, ("pids", "pidsLimit")),
        ({"HostConfig__Ulimits": [{"Name": "core", "Hard": -1, "Soft": -1}]}, ("ulimits", "ulimits[0].hard")),
        ({"HostConfig__LogConfig": {"Type": "json-file", "Config": {}}}, ("logs", "logDriver")),
        ({"HostConfig__RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}, ("restart", "restart")),
        ({"Config__Healthcheck": None}, ("healthCheck", "healthcheck")),
        ({"HostConfig__NetworkMode": "host", "NetworkSettings__Networks": {"host": {}}}, ("network", "networkMode")),
        ({"NetworkSettings__Networks": {"bridge": {}}}, ("network", "networksAdvanced[0].name")),
        ({"NetworkSettings__Networks": {"slidegenie-control": {}}}, ("network", "networksAdvanced[0].name")),
        ({"AppArmorProfile": "mine"}, ("securityProfiles", "securityOpts[1]")),
        ({"HostConfig__PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}, ("ports", "ports[0]")),
        (
            {"Mounts": [{"Type": "bind", "Source": "/etc", "RW": False, "Propagation": "rprivate"}]},
            ("hostMounts", "mounts[0].source"),
        ),
        (
            {"Mounts": [{"Type": "bind", "Source": "/srv", "RW": True, "Propagation": "rprivate"}]},
            ("readOnlyMounts", "mounts[0].readOnly"),
        ),
        ({"HostConfig__VolumesFrom": ["other"]}, ("hostMounts", "volumes[0].fromContainer")),
        ({"Config__Image": "team/app:1"}, ("imagePinned", "image")),
        ({"Config__Env": ["API_TOKEN=abc"]}, ("secrets", 'envs["API_TOKEN"]')),
    ],
)
def test_what_the_engine_really_does_is_caught_by_the_same_rule(
    changes: dict[str, Any], caught: tuple[str, str]
) -> None:
    assert caught in found(inspected(**changes))
    others = {rule for rule, _ in found(inspected(**changes))} - {caught[0]}
    assert others <= {"imageSource"}


def test_an_id_that_runs_is_of_an_image_that_was_judged_before_it_came_there() -> None:
    """So is what a rollback brought back: the plan does not know it."""
    subject = judged_container(inspected(), cgroup_v2=True, facts=ProgramFacts(planned=True))
    assert subject is not None

    assert judge([subject], default_policy(), TODAY).violations == ()


def test_with_the_first_control_groups_the_hosts_is_everybodys() -> None:
    assert found(inspected(HostConfig__CgroupnsMode="host"), cgroup_v2=False) == []


@pytest.mark.parametrize("role", ["job", "seed"])
def test_what_ended_as_it_should_needs_no_restart_and_no_health_check(role: str) -> None:
    """Compose starts seeds as well: they prepare a volume, and end."""
    labels = {"com.docker.compose.service": "migrate", "io.slidegenie.role": role}
    job = inspected(
        Config__Labels=labels,
        Config__Healthcheck=None,
        HostConfig__RestartPolicy={"Name": "no", "MaximumRetryCount": 0},
    )

    assert found(job) == []


def test_a_container_that_never_started_is_judged_as_one() -> None:
    seed = inspected(
        State={"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"},
        Config__User="",
        Config__Labels={"io.slidegenie.role": "seed"},
        HostConfig__ReadonlyRootfs=False,
        HostConfig__NetworkMode="none",
    )

    assert found(seed) == []
    assert "user" in {rule for rule, _ in found({**seed, "State": {"Status": "running", "StartedAt": STARTED}})}


def test_a_volume_on_the_engine_is_judged_too() -> None:
    subject = judged_volume({"Name": "x", "Options": {"type": "none", "o": "bind", "device": "/etc"}})
    assert subject is not None

    assert [v.rule for v in judge([subject], default_policy(), TODAY).violations] == ["hostMounts"]
    harmless = judged_volume({"Name": "x", "Options": None})
    assert harmless is not None
    assert judge([harmless], default_policy(), TODAY).violations == ()


def test_a_network_on_the_engine_is_judged_and_says_its_zone() -> None:
    control = {
        "Name": "c",
        "Id": "1" * 64,
        "Driver": "bridge",
        "Internal": False,
        "Labels": {"io.slidegenie.zone": "control"},
    }
    plain = {"Name": "p", "Id": "2" * 64, "Driver": "bridge", "Internal": False, "Labels": None}
    subjects = [subject for subject in map(judged_network, (control, plain)) if subject]

    assert [(v.rule, v.resource, v.path) for v in judge(subjects, default_policy(), TODAY).violations] == [
        ("segments", "c", "internal")
    ]
    assert zones_of([control, plain]) == {"c": "control", "1" * 64: "control", "p": "", "2" * 64: ""}


def test_the_metrics_count_broken_rules_by_service() -> None:
    other = inspected(Config__Labels={"com.docker.compose.service": "redis"}, Config__User="", HostConfig__CapDrop=None)
    seed = inspected(
        Name="/seed-of-this-release",
        State={"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"},
        Config__Labels={"io.slidegenie.role": "seed"},
    )

    told = metrics(judged(inspected(), inspected(), other, seed))
    (family,) = told.collect()
    assert (family.name, family.type) == ("slidegenie_policy_violations", "gauge")
    assert {sample.labels["container"]: sample.value for sample in family.samples} == {"app": 0, "redis": 2}
