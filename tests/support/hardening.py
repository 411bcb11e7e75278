"""What the engine must say of every container, whichever way it was made (rows S1 to S5)."""

from typing import Any

_MIB = 2**20


def violations(container: dict[str, Any]) -> list[str]:
    """Return a line for everything about `container` that is softer than the platform promises."""
    host, config = container["HostConfig"], container["Config"]
    name = config["Labels"].get("com.docker.compose.service", container["Name"])
    mounts = [mount["Source"] for mount in container["Mounts"] if mount["Type"] == "bind"]
    rules = {
        "runs as 1000:1000": config["User"] == "1000:1000",
        "has a read-only root": host["ReadonlyRootfs"],
        "drops all capabilities": host["CapDrop"] == ["ALL"] and not host["CapAdd"],
        "cannot gain privileges": any(option.startswith("no-new-privileges") for option in host["SecurityOpt"] or []),
        "is not privileged": not host["Privileged"],
        "has a memory limit": host["Memory"] >= 32 * _MIB,
        "has no swap": host["MemorySwap"] == host["Memory"],
        "has a CPU limit": host["NanoCpus"] > 0,
        "has a process limit": 0 < (host["PidsLimit"] or 0) <= 512,
        "has an init process": host["Init"],
        "rotates its logs": host["LogConfig"]["Config"].get("max-size") is not None,
        "shares no namespace of the host": "host" not in (host["NetworkMode"], host["PidMode"], host["IpcMode"]),
        "mounts the engine's socket only if it is the allow-list": name == "socket-proxy"
        or not any(source.endswith("docker.sock") for source in mounts),
        "publishes ports only if it is the proxy": name == "traefik" or not host["PortBindings"],
    }
    return [f"{name}: not true that it {rule}" for rule, holds in rules.items() if not holds]


def networks(container: dict[str, Any], zones: dict[str, str]) -> set[str]:
    """Return the zones `container` is on; `zones` maps network IDs to zones."""
    return {zones[network["NetworkID"]] for network in container["NetworkSettings"]["Networks"].values()}
