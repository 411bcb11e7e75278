"""Every rule of the container policy: kept, broken, missing, broken often, excused, excused once, not known yet."""

# ruff: noqa: S108 - folders of containers

import datetime
from typing import Any

import pytest

from components.core.policy_rules import RULE_FIELDS
from slidegenie.policy.judge import explain, report
from slidegenie.policy.normalized import SERVICE, VOLUME
from slidegenie.policy.rule import UNKNOWN

from .policy_cases import CASES, EDGE, GOOD, IMAGE, SECRET, TODAY, Case, broken, granting, label, mount, outcome, port

YESTERDAY = TODAY - datetime.timedelta(days=1)


@pytest.fixture(params=sorted(CASES))
def rule(request: pytest.FixtureRequest) -> str:
    """Return each rule in turn."""
    return str(request.param)


@pytest.fixture
def case(rule: str) -> Case:
    """Return how that rule is broken."""
    return CASES[rule]


def paths(rule: str, properties: Any, case: Case) -> tuple[str, ...]:
    """Return what one rule names."""
    return tuple(path for found, path in broken(properties, kind=case.kind) if found == rule)


def test_every_rule_of_the_file_is_tested_here() -> None:
    assert set(CASES) == set(RULE_FIELDS)


def test_what_complies_breaks_nothing(case: Case) -> None:
    assert broken(case.base, kind=case.kind) == []


def test_what_violates_breaks_this_rule_at_this_property(rule: str, case: Case) -> None:
    found = set(broken({**case.base, **case.violate}, kind=case.kind))

    assert (rule, case.path) in found
    # A socket that is mounted writable, say, is two mistakes; none of these cases is one.
    assert found == {(rule, case.path)}


def test_a_missing_property_is_judged_as_its_default(rule: str, case: Case) -> None:
    rest = {key: value for key, value in case.base.items() if key not in case.missing}

    assert paths(rule, rest, case) == case.missed


def test_each_of_several_violations_is_named(rule: str, case: Case) -> None:
    found = paths(rule, {**case.base, **case.several}, case)

    assert tuple(dict.fromkeys(found)) == case.paths


def test_an_exception_excuses_this_rule_in_this_container_only(rule: str, case: Case) -> None:
    bad = {**case.base, **case.violate}
    excused = outcome(bad, kind=case.kind, policy=granting(rule, TODAY))

    assert excused.violations == ()
    assert [(grant.rule, grant.container) for grant in excused.used] == [(rule, "theirs")]
    assert broken(bad, kind=case.kind, policy=granting(rule, TODAY, container="another")) == [(rule, case.path)]
    other = next(name for name in RULE_FIELDS if name != rule)
    assert broken(bad, kind=case.kind, policy=granting(other, TODAY)) == [(rule, case.path)]


def test_an_expired_exception_is_a_violation_that_says_since_when(rule: str, case: Case) -> None:
    (violation,) = outcome({**case.base, **case.violate}, kind=case.kind, policy=granting(rule, YESTERDAY)).violations

    assert violation.what.endswith("; its exception expired on 2026-11-22: renew or remove it")


def test_an_exception_for_something_else_of_the_rule_does_not_count(rule: str, case: Case) -> None:
    narrow = granting(rule, TODAY, "something else")

    assert broken({**case.base, **case.violate}, kind=case.kind, policy=narrow) == [(rule, case.path)]


def test_what_is_not_known_yet_is_said_and_is_no_violation(rule: str, case: Case) -> None:
    said = outcome({**case.base, **case.unknown}, kind=case.kind)

    assert [violation for violation in said.violations if violation.rule == rule] == []
    assert (rule, f"cannot be judged in preview: {case.unknown_path} is not known before the update") in [
        (undecided.rule, undecided.why) for undecided in said.undecided
    ]


def test_a_message_says_what_why_and_how_and_never_a_value(case: Case) -> None:
    marked = _marked({**case.base, **case.violate, **case.several})
    said = outcome(marked, kind=case.kind)
    text = "\n".join([*report(said), *map(explain, said.violations)])

    assert SECRET not in text
    for violation in said.violations:
        assert explain(violation).splitlines() == [
            f"theirs: {violation.path} {violation.what}",
            f"  danger: {violation.says.danger}",
            f"  fix: {violation.says.fix}",
        ]


def _marked(value: Any) -> Any:
    """Hide a secret in every text that is not a name."""
    if isinstance(value, dict):
        return {key: item if key in ("type", "label", "name") else _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return f"{value}{SECRET}" if isinstance(value, str) else value


def inline(*, read_only: bool = False, **options: Any) -> dict[str, Any]:
    """Return a volume that is declared where it is mounted."""
    return {
        "type": "volume",
        "target": "/x",
        "readOnly": read_only,
        "volumeOptions": {"driverOptions": options},
    }


BAD: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a user by name": ({"user": "app"}, ("user", "user")),
    "the group of root": ({"user": "1000:0"}, ("user", "user")),
    "a user whose group the image decides": ({"user": "1000"}, ("user", "user")),
    "root with leading zeros": ({"user": "00"}, ("user", "user")),
    "all capabilities added back": (
        {"capabilities": {"drops": ["ALL"], "adds": ["ALL"]}},
        ("capabilities", "capabilities.adds[0]"),
    ),
    "seccomp off, with a colon": (
        {"securityOpts": ["no-new-privileges:true", "seccomp:unconfined"]},
        ("securityProfiles", "securityOpts[1]"),
    ),
    "no-new-privileges turned off": (
        {"securityOpts": ["no-new-privileges:true", "no-new-privileges:false"]},
        ("securityProfiles", "securityOpts[1]"),
    ),
    **{
        f"no-new-privileges taken back with {value}": (
            {"securityOpts": ["no-new-privileges:true", f"no-new-privileges{value}"]},
            ("securityProfiles", "securityOpts[1]"),
        )
        for value in (":0", "=f", ":False")
    },
    **{
        f"the option {option}": (
            {"securityOpts": ["no-new-privileges", option]},
            ("securityProfiles", "securityOpts[1]"),
        )
        for option in (
            "label=type:spc_t",
            "writable-cgroups=true",
            "apparmor=mine",
            "systempaths=unconfined",
            "anything",
            'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
            'seccomp={"defaultAction":"SCMP_ACT_ERRNO","DefaultAction":"SCMP_ACT_ALLOW"}',
            'seccomp={"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_ERRNO"}',
            "seccomp=profile.json",
            "seccomp=[]",
        )
    },
    "the processes of another container": ({"pidMode": "container:app"}, ("namespaces", "pidMode")),
    "the host's shared memory": ({"ipcMode": "host"}, ("namespaces", "ipcMode")),
    "a disk": ({"devices": [{"hostPath": "/dev/sda"}]}, ("devices", "devices[0]")),
    "another runtime, which hands out the GPUs": ({"runtime": "nvidia"}, ("devices", "runtime")),
    "unlimited swap": ({"memorySwap": -1}, ("memory", "memorySwap")),
    "processes without end": ({"labels": []}, ("pids", 'labels["io.slidegenie.pids-limit"]')),
    "core dumps": ({"ulimits": [{"name": "core", "hard": -1}]}, ("ulimits", "ulimits[0].hard")),
    "an executable /tmp": ({"tmpfs": {"/tmp": "nosuid,nodev,size=1m"}}, ("tmpfs", 'tmpfs["/tmp"]')),
    "an executable /tmp that says it is none": (
        {"tmpfs": {"/tmp": "noexec,nosuid,nodev,size=1m,exec"}},
        ("tmpfs", 'tmpfs["/tmp"]'),
    ),
    "a folder in memory whose size is taken back": (
        {"tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,size=0"}},
        ("tmpfs", 'tmpfs["/tmp"]'),
    ),
    "a folder in memory without an end in blocks": (
        {"tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,nr_blocks=0"}},
        ("tmpfs", 'tmpfs["/tmp"]'),
    ),
    "a system folder by the name of a volume": (
        {"volumes": [{"volumeName": "/etc", "containerPath": "/x", "readOnly": True}]},
        ("hostMounts", "volumes[0].volumeName"),
    ),
    "a writable folder by the name of a volume": (
        {"volumes": [{"volumeName": "/srv", "containerPath": "/x"}]},
        ("readOnlyMounts", "volumes[0].readOnly"),
    ),
    "a tmpfs mount without a size": (
        {"mounts": [{"type": "tmpfs", "target": "/tmp"}]},
        ("tmpfs", "mounts[0].tmpfsOptions.sizeBytes"),
    ),
    "ten thousand restarts": ({"restart": "on-failure", "maxRetryCount": 10_000}, ("restart", "maxRetryCount")),
    "a health check without a command": ({"healthcheck": {"tests": ["CMD"]}}, ("healthCheck", "healthcheck.tests")),
    "the default bridge by name": ({"networksAdvanced": [{"name": "bridge"}]}, ("network", "networksAdvanced[0].name")),
    "only the provider's default network": (
        {"networksAdvanced": [], "networkMode": "bridge"},
        ("network", "networksAdvanced"),
    ),
    "the socket in another folder": ({"mounts": [mount("/srv/docker.sock")]}, ("hostMounts", "mounts[0].source")),
    "the socket of containerd": ({"mounts": [mount("/k3s/containerd.sock")]}, ("hostMounts", "mounts[0].source")),
    "a socket by any name": ({"mounts": [mount("/srv/engine/api.sock")]}, ("hostMounts", "mounts[0].source")),
    "a socket that systemd named": ({"mounts": [mount("/srv/podman.socket")]}, ("hostMounts", "mounts[0].source")),
    "what the container takes for the socket": (
        {"mounts": [mount("/srv/engine/api") | {"target": "/var/run/docker.sock"}]},
        ("hostMounts", "mounts[0].target"),
    ),
    "what the container takes for the socket, in short": (
        {"volumes": [{"hostPath": "/srv/engine/api", "containerPath": "/tmp/docker.sock", "readOnly": True}]},
        ("hostMounts", "volumes[0].containerPath"),
    ),
    "a system folder by a detour": ({"mounts": [mount("/srv/../etc/ssl")]}, ("hostMounts", "mounts[0].source")),
    "a system folder with more slashes": ({"mounts": [mount("//etc")]}, ("hostMounts", "mounts[0].source")),
    "a folder that has the socket in it": ({"mounts": [mount("/var")]}, ("hostMounts", "mounts[0].source")),
    "a volume that is a system folder": (
        {"mounts": [inline(type="none", o="bind,ro", device="/dev", read_only=True)]},
        ("hostMounts", 'mounts[0].volumeOptions.driverOptions["device"]'),
    ),
    "a volume that is the kernel's": (
        {"mounts": [inline(type="proc", device="proc")]},
        ("hostMounts", 'mounts[0].volumeOptions.driverOptions["type"]'),
    ),
    "a volume that is a disk": (
        {"mounts": [inline(type="ext4", device="/srv/disk.img")]},
        ("hostMounts", 'mounts[0].volumeOptions.driverOptions["type"]'),
    ),
    "a volume that is bound whatever its type says": (
        {"mounts": [inline(type="tmpfs", o="rbind", device="/etc", read_only=True)]},
        ("hostMounts", 'mounts[0].volumeOptions.driverOptions["device"]'),
    ),
    "a volume that is a writable folder of the host": (
        {"mounts": [inline(type="none", o="bind", device="/srv")]},
        ("readOnlyMounts", "mounts[0].readOnly"),
    ),
    "a login for a share in a file of the system": (
        {"mounts": [inline(type="cifs", o="credentials=/etc/share,ro", device="//files/team")]},
        ("hostMounts", 'mounts[0].volumeOptions.driverOptions["o"]'),
    ),
    "a password for a share": (
        {"mounts": [inline(type="cifs", o="ro,username=me,password=word", device="//files/team")]},
        ("secrets", 'mounts[0].volumeOptions.driverOptions["o"]'),
    ),
    "somebody's home": ({"mounts": [mount("/home/me")]}, ("hostMounts", "mounts[0].source")),
    "somebody's keys": ({"mounts": [mount("/home/me/.ssh/id_ed25519")]}, ("hostMounts", "mounts[0].source")),
    "the keys of root": ({"mounts": [mount("/root/.aws")]}, ("hostMounts", "mounts[0].source")),
    "a published port whose number is not known": (
        {"ports": [port(UNKNOWN)]},
        ("ports", "ports[0]"),
    ),
    "a device whose path is not known": ({"devices": [{"hostPath": UNKNOWN}]}, ("devices", "devices[0]")),
    "a server that says it is a job": ({"restart": "no", "mustRun": False}, ("restart", "restart")),
    "a server nobody misses": (
        {"mustRun": False, "healthcheck": None},
        ("healthCheck", "healthcheck"),
    ),
    "a limit of processes in other digits": (
        {"labels": [label("io.slidegenie.pids-limit", "\u00b2")]},
        ("pids", 'labels["io.slidegenie.pids-limit"]'),
    ),
    **{
        f"a secret in a command: {' '.join(command)}": ({"command": command}, ("secrets", f"command[{number}]"))
        for number, command in (
            (1, ["serve", "--db-password", "word"]),
            (1, ["serve", "--password=$ecret"]),
            (1, ["serve", "--token=-x"]),
            (1, ["curl", "-u", "me:word"]),
            (2, ["sh", "-c", "curl --user 'me:word' https://example.com"]),
            (2, ["curl", "-H", "Authorization: Bearer abc"]),
            (1, ["psql", "postgres://me:wo:rd@db/x"]),
        )
    },
    **{
        f"a variable called {name}": ({"envs": [f"{name}=word"]}, ("secrets", f'envs["{name}"]'))
        for name in ("DB_PASS", "MYSQL_PWD", "REDISCLI_AUTH", "SECRET_KEY_BASE", "DB_PASSWORD_1", "SMTP_PASSWORD2")
    },
    "the edge on any address": ({**EDGE, "ports": [port(8443, None)]}, ("ports", "ports[0].ip")),
    "the edge on a port of another service": ({**EDGE, "ports": [port(22)]}, ("ports", "ports[0].external")),
    "the edge on a port nobody chose": ({**EDGE, "ports": [port(None)]}, ("ports", "ports[0].external")),
    "a private key in a variable": (
        {"envs": ["SIGNER=-----BEGIN RSA PRIVATE KEY-----\nabc"]},
        ("secrets", 'envs["SIGNER"]'),
    ),
    "an access key in the command": ({"command": ["run", "AKIA" + "A" * 16]}, ("secrets", "command[1]")),
}
"""Containers that are bad in one way each, and the rule that must catch them."""


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_container_is_caught_by_the_right_rule_and_no_other(name: str) -> None:
    changes, caught = BAD[name]

    assert broken({**GOOD, **changes}) == [caught]


FINE: dict[str, dict[str, Any]] = {
    "a named network instead of a list": {"networksAdvanced": [], "networkMode": "mine"},
    "no network at all": {"networksAdvanced": [], "networkMode": "none"},
    "the provider's default beside networks of its own": {"networkMode": "bridge"},
    "the engine's own runtime, named": {"runtime": "io.containerd.runc.v2"},
    "a size that is said after none": {"tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=0,size=16m"}},
    "a quota instead of cpus": {"cpus": None, "cpuQuota": 50_000, "cpuPeriod": 100_000},
    "another way to write the option": {"securityOpts": ["no-new-privileges"]},
    "json-file that rotates": {"logDriver": "json-file", "logOpts": {"max-size": "10m"}},
    "five attempts": {"restart": "on-failure", "maxRetryCount": 5},
    "a job somebody waits for": {"restart": "no", "mustRun": False, "attach": True, "healthcheck": None},
    "a job by its role": {
        "restart": "no",
        "mustRun": False,
        "healthcheck": None,
        "labels": [*GOOD["labels"], label("io.slidegenie.role", "job")],
    },
    "the engine's own profiles, named": {
        "securityOpts": ["no-new-privileges", "seccomp=builtin", "apparmor:docker-default", "label:type:container_t"]
    },
    "a seccomp profile that refuses what it does not list": {
        "securityOpts": ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}']
    },
    "a share": {"mounts": [inline(type="nfs", o="addr=10.0.0.7,rw", device=":/etc")]},
    "a share of Windows": {"mounts": [inline(type="cifs", o="guest,ro", device="//etc/team")]},
    "a volume that is a folder of the host, read-only": {
        "mounts": [inline(type="none", o="bind", device="/srv", read_only=True)]
    },
    "a user and a group as curl takes a login": {"command": ["run", "-u", "1000:1000"]},
    "a switch that says there is no password": {"command": ["psql", "--no-password", "reports"]},
    "the working directory": {"envs": ["PWD=/app", "COMPASS=north", "BYPASS=true"]},
    "a login whose password a shell reads": {"command": ["sh", "-c", "curl -u me:$(cat /run/secrets/word) x"]},
    "an image by digest": {"image": "docker.io/library/redis@sha256:" + "b" * 64},
    "a tag and a digest": {"image": "redis:8@sha256:" + "b" * 64},
    "a folder of the application, read-only": {"mounts": [mount("/home/me/src")]},
    "a folder whose name starts like a system folder": {"mounts": [mount("/etcetera"), mount("/runner")]},
    "a data volume in the older form": {"volumes": [{"volumeName": "data", "containerPath": "/data"}]},
    "a data volume": {"mounts": [{"type": "volume", "source": "data", "target": "/data", "readOnly": False}]},
    "a password from a file": {"command": ["sh", "-c", "PGPASSWORD=$(cat /run/secrets/password) exec psql"]},
    "an option that is followed by another": {"command": ["serve", "--token", "--verbose"]},
    "an empty password": {"envs": ["DB_PASSWORD="]},
    "a switch whose name has a secret word in it": {"envs": ["PUBLIC_KEY_RETRIEVAL_DISABLED=true"]},
    "an address without a password": {"envs": ["REDIS=redis://cache:6379", "URL=https://example.com/a:b@c"]},
}
"""Containers that look unusual and keep every rule."""


@pytest.mark.parametrize("name", sorted(FINE))
def test_what_is_only_unusual_is_not_refused(name: str) -> None:
    assert broken({**GOOD, **FINE[name]}) == []


@pytest.mark.parametrize(
    ("joins", "path"),
    [
        ({"networksAdvanced": [{"name": "c"}]}, "networksAdvanced[0].name"),
        ({"networksAdvanced": [{"name": "f" * 64}]}, "networksAdvanced[0].name"),
        ({"networksAdvanced": [], "networkMode": "c"}, "networkMode"),
        ({"networkMode": "f" * 64}, "networkMode"),
    ],
)
def test_a_closed_zone_is_closed_however_a_container_names_its_network(joins: dict[str, Any], path: str) -> None:
    zones = {"c": "control", "f" * 64: "control", "somebodys": ""}

    assert broken({**GOOD, **joins}, zones=zones) == [("network", path)]


def test_a_network_that_may_be_named_by_an_id_nobody_knows_is_said() -> None:
    for name in ("f" * 64, "0123456789ab", "db"):
        said = outcome({**GOOD, "networkMode": name}, zones={"cafe": ""})
        assert [(u.rule, u.why) for u in said.undecided] == [
            (
                "network",
                (
                    "cannot be judged: networkMode may be a network's ID, which does not say whose network it is;"
                    " give its name"
                ),
            )
        ]
    assert outcome({**GOOD, "networkMode": "cafe"}, zones={"cafe": ""}).undecided == ()


@pytest.mark.parametrize("rule", ["groups", "networks", "mode", "securityOpts"])
def test_one_unknown_value_hides_no_other(rule: str) -> None:
    cases: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
        "groups": ({"mounts": [mount(UNKNOWN), mount("/etc")]}, ("hostMounts", "mounts[1].source")),
        "networks": ({"networksAdvanced": UNKNOWN, "networkMode": "host"}, ("network", "networkMode")),
        "mode": (
            {"networksAdvanced": [{"name": "bridge"}], "networkMode": UNKNOWN},
            ("network", "networksAdvanced[0].name"),
        ),
        "securityOpts": (
            {"securityOpts": [UNKNOWN, "no-new-privileges", "seccomp=unconfined"]},
            ("securityProfiles", "securityOpts[2]"),
        ),
    }
    changes, expected = cases[rule]

    assert broken({**GOOD, **changes}) == [expected]


def test_a_value_that_pulumi_keeps_secret_is_one_whatever_its_name() -> None:
    found = broken({**GOOD, "envs": ["LEVEL=info", "HARMLESS=x"]}, hidden=frozenset({"envs[1]"}))

    assert found == [("secrets", 'envs["HARMLESS"]')]
    assert broken({**GOOD, "command": ["a", "b"]}, hidden=frozenset({"command"})) == [("secrets", "command")]
    assert broken(GOOD, hidden=frozenset({"labels[0]"})) == [("secrets", "labels[0].value")]


def test_a_secret_that_stands_where_a_name_should_is_not_shown() -> None:
    for entry in (f"{SECRET.upper()}==", SECRET, f"{SECRET}=1", "QUJDREVG=="):
        said = outcome({**GOOD, "envs": [entry]}, hidden=frozenset({"envs[0]"}))
        assert [violation.path for violation in said.violations] == ["envs[0]"]


def test_a_container_that_never_starts_needs_no_limits_but_may_not_hold_the_host() -> None:
    seed = {"image": IMAGE, "start": False, "mustRun": False, "networkMode": "none"}

    assert broken(seed) == []
    assert broken({**seed, "privileged": True, "mounts": [mount("/etc")]}) == [
        ("privileged", "privileged"),
        ("hostMounts", "mounts[0].source"),
    ]
    assert ("user", "user") in broken({**seed, "start": True})


def test_what_never_starts_may_not_be_armed_for_who_starts_it_by_hand() -> None:
    seed = {"image": IMAGE, "start": False, "mustRun": False, "networkMode": "none"}
    armed = {
        "capabilities": {"adds": ["ALL"]},
        "securityOpts": ["seccomp=unconfined"],
        "groupAdds": ["999"],
        "sysctls": {"kernel.shmmax": "1"},
    }

    assert broken({**seed, **armed}) == [
        ("groups", "groupAdds[0]"),
        ("capabilities", "capabilities.adds[0]"),
        ("securityProfiles", "securityOpts[0]"),
        ("sysctls", 'sysctls["kernel.shmmax"]'),
    ]


def test_a_volume_can_be_a_folder_of_the_host_too() -> None:
    bind = {"type": "none", "o": "bind"}

    assert broken({"driverOpts": {**bind, "device": "/opt/data"}}, kind=VOLUME) == []
    assert broken({}, kind=VOLUME) == []
    assert broken({"driverOpts": {**bind, "device": "/"}}, kind=VOLUME) == [("hostMounts", 'driverOpts["device"]')]
    assert broken({"driverOpts": {"type": "overlay", "o": "lowerdir=/etc:/srv", "device": "overlay"}}, kind=VOLUME) == [
        ("hostMounts", 'driverOpts["type"]'),
        ("hostMounts", 'driverOpts["o"]'),
    ]
    cifs = {"type": "cifs", "o": f"username=me,password={SECRET}", "device": "//files/team"}
    assert broken({"driverOpts": cifs}, kind=VOLUME) == [("secrets", 'driverOpts["o"]')]
    assert broken({"driverOpts": {"password": SECRET}}, kind=VOLUME) == [("secrets", 'driverOpts["password"]')]
    undecided = outcome({"driverOpts": {**bind, "device": UNKNOWN}}, kind=VOLUME).undecided
    assert [(u.rule, u.why) for u in undecided] == [
        ("hostMounts", "cannot be judged in preview: driverOpts.device is not known before the update"),
        ("secrets", 'cannot be judged in preview: driverOpts["device"] is not known before the update'),
    ]


def test_a_folder_of_the_host_that_is_not_named_is_not_taken_for_none() -> None:
    for nothing in (None, ""):
        (undecided,) = outcome({**GOOD, "mounts": [mount(nothing)]}).undecided
        assert (undecided.rule, undecided.why) == (
            "hostMounts",
            "cannot be judged: mounts[0].source is not set, so nobody can tell what of the host it is",
        )


def test_the_network_of_control_is_for_who_is_listed() -> None:
    zones = {"control-of-theirs": "control", "data-of-theirs": "data"}
    on = {**GOOD, "networksAdvanced": [{"name": name} for name in zones]}
    edge = {**on, "labels": EDGE["labels"]}

    assert broken(on, zones=zones) == [("network", "networksAdvanced[0].name")]
    assert broken(edge, zones=zones) == []


def test_an_image_is_fine_from_a_listed_registry_or_built_here() -> None:
    source = ("imageSource", "image")
    ours = {**GOOD, "image": "team/reports:1"}

    assert source in broken(ours)
    assert source not in broken(ours, built=frozenset({"team/reports:1"}))
    assert ("imagePinned", "image") not in broken(ours, pulled=frozenset({"team/reports:1"}))
    assert broken({**GOOD, "image": "quay.io/minio-evil/minio@sha256:" + "c" * 64}) == [source]
    assert broken({**GOOD, "image": "index.docker.io/library/redis@sha256:" + "c" * 64}) == []


SPEC = {
    "image": "redis@sha256:" + "d" * 64,
    "user": "1000:1000",
    "readOnly": True,
    "capDrops": ["ALL"],
    "healthcheck": {"tests": ["CMD", "true"]},
}


def service(spec: dict[str, Any] | None = None, **task: Any) -> dict[str, Any]:
    whole = {
        "containerSpec": {**SPEC, **(spec or {})},
        "resources": {"limits": {"memoryBytes": 2**26, "nanoCpus": 10**9}},
        "logDriver": {"name": "local"},
        "networksAdvanceds": [{"id": "overlay-of-theirs"}],
        **task,
    }
    return {"taskSpec": whole}


def test_a_swarm_service_is_judged_by_what_swarm_can_say() -> None:
    said = outcome(service(), kind=SERVICE)

    assert said.violations == ()
    assert {undecided.rule for undecided in said.undecided} == {"noNewPrivileges", "pids", "restart", "memory"}
    assert all(undecided.why.startswith("cannot be judged: ") for undecided in said.undecided)


def test_a_bad_swarm_service_is_named_by_its_own_properties() -> None:
    bad = service(
        {
            "user": None,
            "readOnly": False,
            "capAdds": ["CAP_NET_ADMIN"],
            "env": {"DB_PASSWORD": SECRET},
            "groups": ["999"],
            "mounts": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s", "readOnly": True}],
        },
        resources={},
        networksAdvanceds=[{"name": "host"}],
    ) | {"endpointSpec": {"ports": [{"targetPort": 80, "publishedPort": 80}]}}
    spec = "taskSpec.containerSpec"

    assert broken(bad, kind=SERVICE) == [
        ("user", f"{spec}.user"),
        ("groups", f"{spec}.groups[0]"),
        ("capabilities", f"{spec}.capAdds[0]"),
        ("memory", "taskSpec.resources.limits.memoryBytes"),
        ("cpu", "taskSpec.resources.limits.nanoCpus"),
        ("readOnlyRoot", f"{spec}.readOnly"),
        ("network", "taskSpec.networksAdvanceds[0].name"),
        ("ports", "endpointSpec.ports[0]"),
        ("hostMounts", f"{spec}.mounts[0].source"),
        ("secrets", f'{spec}.env["DB_PASSWORD"]'),
    ]


def test_what_a_swarm_service_takes_off_is_judged() -> None:
    def found(**context: Any) -> list[tuple[str, str]]:
        return broken(service({"privileges": {"seLinuxContext": context}}), kind=SERVICE)

    path = "taskSpec.containerSpec.privileges.seLinuxContext"
    assert found(disable=True) == [("securityProfiles", f'{path}["disable"]')]
    assert found(type="spc_t") == [("securityProfiles", f'{path}["type"]')]
    assert found(disable=False, type="container_t") == []


def test_a_service_of_which_nothing_is_known_is_not_taken_for_a_good_one() -> None:
    said = outcome({"taskSpec": UNKNOWN}, kind=SERVICE)

    assert said.violations == ()
    assert {"user", "memory", "readOnlyRoot", "network", "hostMounts", "secrets"} <= {u.rule for u in said.undecided}


def test_an_exception_goes_by_the_service_and_not_by_the_name_of_the_resource() -> None:
    other = {**GOOD, "labels": [*GOOD["labels"], label("com.docker.compose.service", "other")], "groupAdds": ["999"]}

    assert broken(other, policy=granting("groups", TODAY, container="theirs")) == [("groups", "groupAdds[0]")]
    assert broken(other, policy=granting("groups", TODAY, container="other")) == []


def test_an_exception_that_never_ends_is_none() -> None:
    bad = {**GOOD, "groupAdds": ["999"]}
    two_years = TODAY + datetime.timedelta(days=731)

    assert broken(bad, policy=granting("groups", two_years)) == []
    (violation,) = outcome(bad, policy=granting("groups", datetime.date(2999, 12, 31))).violations
    assert violation.what.endswith(
        "; its exception expires on 2999-12-31, and none may hold for more than two years: give it an end until"
        f" {two_years}"
    )


def test_labels_decide_whose_exceptions_count() -> None:
    named = {
        **GOOD,
        "groupAdds": ["999"],
        "labels": [*GOOD["labels"], label("com.docker.compose.service", "socket-proxy")],
    }

    assert broken(named) == []
    assert broken({**GOOD, "groupAdds": ["999"]}) == [("groups", "groupAdds[0]")]
