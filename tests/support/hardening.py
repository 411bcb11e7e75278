"""The checks of the CIS Docker Benchmark 1.6 on containers (section 5) and images (section 4), and some of our own.

Asked of the engine, so whichever way a container was made. What a machine cannot decide (5.19, 5.23, 5.24, 5.28 and 4.2
to 4.5, 4.7, 4.11, 4.12) is in docs/edge.md with what stands for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_SENSITIVE = ("/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sys", "/usr", "/var/run")
Container = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """One recommendation."""

    id: str
    title: str
    holds: Callable[[Container], bool]


@dataclass(frozen=True)
class Exempt:
    """A deviation that somebody decided; `*` is every service."""

    service: str
    check: str
    because: str


EXCEPTIONS: tuple[Exempt, ...] = (
    Exempt(
        "socket-proxy", "5.6", "the socket lies in /run; it is the allow-list in front of it, and mounts it read-only"
    ),
    Exempt("socket-proxy", "5.32", "it is the allow-list in front of the socket, and mounts it read-only"),
    Exempt("cadvisor", "4.1", "it tells containers apart by what only root may read; it has no capability"),
    Exempt(
        "cadvisor",
        "5.6",
        "it mounts /sys, where the figures of control groups are, and what tells containers apart, both read-only",
    ),
    Exempt(
        "cadvisor",
        "5.20",
        "with overlay2 what it reads lies in the engine's own folder, where the engine takes no less than rslave:"
        " mounts of the host appear in it, none of its own on the host",
    ),
    Exempt("cadvisor", "5.32", "with containerd's image store it asks containerd which container is which"),
    Exempt("*", "5.15", "what gives up after five restarts is down until a person comes; health checks alert instead"),
)
"""Everything that is softer than the benchmark asks."""


def service(container: Container) -> str:
    """Return the name people use."""
    return str(container["Config"]["Labels"].get("com.docker.compose.service", container["Name"]))


def _host(container: Container) -> dict[str, Any]:
    found: dict[str, Any] = container["HostConfig"]
    return found


def _options(container: Container) -> set[str]:
    """Return the security options as `name=value`; the engine takes a colon too."""
    return {
        option.replace(":", "=", 1) if "=" not in option else option for option in _host(container)["SecurityOpt"] or []
    }


def _is_sensitive(source: str) -> bool:
    """Tell whether a path is one of these folders, in one, or has one in it."""
    below = source.rstrip("/") + "/"
    return any(below.startswith(f"{folder}/") or f"{folder}/".startswith(below) for folder in _SENSITIVE)


def _binds(container: Container) -> list[dict[str, Any]]:
    return [mount for mount in container["Mounts"] if mount["Type"] == "bind"]


def _bindings(container: Container) -> Iterable[dict[str, str]]:
    for published in (_host(container)["PortBindings"] or {}).values():
        yield from published or ()


CONTAINER_CHECKS: tuple[Check, ...] = (
    Check("4.1", "runs as a user of its own", lambda c: c["Config"]["User"] == "1000:1000"),
    Check("5.2", "AppArmor is not turned off", lambda c: "apparmor=unconfined" not in _options(c)),
    Check("5.3", "SELinux is not turned off", lambda c: "label=disable" not in _options(c)),
    Check("5.4", "has no capability", lambda c: _host(c)["CapDrop"] == ["ALL"] and not _host(c)["CapAdd"]),
    Check("5.5", "is not privileged", lambda c: not _host(c)["Privileged"]),
    Check(
        "5.6",
        "mounts no sensitive folder of the host, and none to write to",
        lambda c: not [m for m in _binds(c) if _is_sensitive(m["Source"]) or m["RW"]],
    ),
    Check(
        "5.8",
        "publishes no privileged port unless it is the edge",
        lambda c: service(c) == "traefik" or all(int(b["HostPort"]) >= 1024 for b in _bindings(c)),
    ),
    Check("5.9", "publishes ports only if it is the edge", lambda c: service(c) == "traefik" or not list(_bindings(c))),
    Check("5.10", "is not on the host's network", lambda c: _host(c)["NetworkMode"] != "host"),
    Check("5.11", "has a memory limit", lambda c: _host(c)["Memory"] > 0),
    Check("5.12", "has a CPU limit", lambda c: _host(c)["NanoCpus"] > 0),
    Check("5.13", "has a read-only root", lambda c: bool(_host(c)["ReadonlyRootfs"])),
    Check(
        "5.14",
        "publishes on a chosen address",
        lambda c: not [b for b in _bindings(c) if b["HostIp"] in ("", "0.0.0.0", "::")],  # noqa: S104 - what is refused
    ),
    Check(
        "5.15",
        "gives up after five restarts",
        lambda c: (
            _host(c)["RestartPolicy"]["Name"] in ("no", "") or 0 < _host(c)["RestartPolicy"]["MaximumRetryCount"] < 6
        ),
    ),
    Check("5.16", "is not in the host's process namespace", lambda c: _host(c)["PidMode"] != "host"),
    Check("5.17", "is not in the host's IPC namespace", lambda c: _host(c)["IpcMode"] not in ("host", "shareable")),
    Check("5.18", "has no device of the host", lambda c: not _host(c)["Devices"]),
    Check(
        "5.20",
        "propagates no mount",
        lambda c: not [m for m in c["Mounts"] if m.get("Propagation") in ("shared", "rshared", "slave", "rslave")],
    ),
    Check("5.21", "is not in the host's UTS namespace", lambda c: _host(c)["UTSMode"] != "host"),
    Check("5.22", "has the seccomp profile", lambda c: "seccomp=unconfined" not in _options(c)),
    Check("5.25", "is in no control group of somebody else", lambda c: not _host(c)["CgroupParent"]),
    Check(
        "5.26",
        "cannot gain privileges",
        lambda c: (
            {o for o in _options(c) if o.startswith("no-new-privileges")}
            in ({"no-new-privileges"}, {"no-new-privileges=true"})
        ),
    ),
    Check("5.27", "is asked for its health, and is healthy", lambda c: _health(c) in ("healthy", None)),
    Check("5.29", "has a process limit", lambda c: 0 < (_host(c)["PidsLimit"] or 0) <= 512),
    Check("5.30", "is not on the default bridge", lambda c: "bridge" not in c["NetworkSettings"]["Networks"]),
    Check("5.31", "is not in the host's user namespace", lambda c: _host(c)["UsernsMode"] != "host"),
    Check(
        "5.32",
        "does not mount the engine's socket",
        lambda c: not [m for m in _binds(c) if m["Source"].endswith(("docker.sock", "containerd.sock"))],
    ),
    # Our own, beyond the benchmark.
    Check("own.1", "has no swap", lambda c: _host(c)["MemorySwap"] == _host(c)["Memory"]),
    Check("own.2", "has an init process", lambda c: bool(_host(c)["Init"])),
    Check("own.3", "rotates its logs", lambda c: _host(c)["LogConfig"]["Config"].get("max-size") is not None),
)


def _health(container: Container) -> str | None:
    """Return the engine's verdict, `none` without a check; `None` for a container that ended or still starts."""
    state = container["State"]
    if not state["Running"]:
        return None
    verdict = state.get("Health", {}).get("Status", "none")
    return None if verdict == "starting" else str(verdict)


def _all_findings(container: Container) -> list[tuple[str, Check]]:
    return [(service(container), check) for check in CONTAINER_CHECKS if not check.holds(container)]


def violations(container: Container) -> list[str]:
    """Return a line for everything about `container` that is softer than promised and nobody decided."""
    return [
        f"{name}: {check.id}, not true that it {check.title}"
        for name, check in _all_findings(container)
        if not is_exempt(name, check.id)
    ]


def needless(containers: Iterable[Container]) -> list[Exempt]:
    """Return the exceptions that none of `containers` needs, of services that run: each is an open door for nobody."""
    containers = list(containers)
    present = {"*", *map(service, containers)}
    found = [(name, check.id) for container in containers for name, check in _all_findings(container)]
    used = [e for e in EXCEPTIONS if e.service in present]
    return [e for e in used if not [f for f in found if e.service in ("*", f[0]) and e.check == f[1]]]


def image_violations(image: dict[str, Any], runs: dict[str, Any] | None = None) -> list[str]:
    """Return what is wrong with an image, as `docker image inspect` shows it (section 4).

    What others built may leave user and health to the container: then those that `runs`, one made of it, has do count.
    """
    config = runs["Config"] if runs else image["Config"]
    rules = {
        "4.1, has a user of its own": config["User"] == "1000:1000",
        "4.6, says how its health is asked": bool((config.get("Healthcheck") or {}).get("Test")),
        "4.10, has no secret in its environment": not [
            line
            for line in image["Config"]["Env"] or ()
            if any(word in (name := line.split("=")[0]) for word in ("PASSWORD", "SECRET", "TOKEN"))
            # A path is none.
            and not name.endswith("_FILE")
        ],
    }
    return [f"{image['RepoTags']}: {rule}: not true" for rule, holds in rules.items() if not holds]


def is_exempt(name: str, check: str) -> bool:
    """Tell whether somebody decided that service `name` is softer than `check` asks."""
    return any(exempt.service in ("*", name) and exempt.check == check for exempt in EXCEPTIONS)


def networks(container: Container, zones: dict[str, str]) -> set[str]:
    """Return the zones `container` is on; `zones` maps network IDs to zones."""
    return {zones[network["NetworkID"]] for network in container["NetworkSettings"]["Networks"].values()}
