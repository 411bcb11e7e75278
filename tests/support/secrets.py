"""Look for secret values where none may be."""

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .workspace import Workspace, docker


def secrets_of(platform: Workspace) -> dict[str, str]:
    """Return every secret that the platform's state holds, by name without the project's; keys of hashes too."""
    found = {}
    for resource in platform.state("--show-secrets")["resources"]:
        if resource["type"].endswith(":RandomPassword"):
            value = json.loads(resource["outputs"]["result"]["plaintext"])
            found[resource["urn"].rpartition("::")[2].partition("-")[2]] = str(value)
    assert {"postgres-login-password", "traefik-certificate-key"} <= found.keys()
    return found


def leaks(containers: Iterable[dict[str, Any]], values: Iterable[str]) -> list[str]:
    """Return where one of `values` can be read: environment, command, labels, health check or logs of a container."""
    secret = [value for value in values if value]
    found = []
    for container in containers:
        name = container["Name"]
        for place, text in (("inspect", str(container)), ("logs", _logs(container["Id"]))):
            found += [f"{name}: a secret in its {place}" for value in secret if value in text]
    return found


def leaks_in_processes(containers: Iterable[dict[str, Any]], values: Iterable[str]) -> list[str]:
    """Return which process of a running container shows one of `values`: in its command line, or in its environment.

    The environment of a process is not what the container was given: an entry point may have filled it from files.
    """
    found, read = [], 0
    for container in containers:
        if not container["State"]["Running"]:
            continue
        shown = docker("top", container["Id"], "-eo", "pid,args")
        for line in shown.splitlines()[1:]:
            identity = line.split()[0]
            environment = _environment(identity)
            read += bool(environment)
            places = {"command line": line, "environment": environment}
            service = container["Config"]["Labels"]["com.docker.compose.service"]
            for place, text in places.items():
                found += [f"{service}: a secret in a {place}" for value in values if value and value in text]
    assert read, "no environment of a process could be read: this takes root on the machine of the engine"
    return found


def leaks_in_state(platform: Workspace, values: Iterable[str]) -> list[str]:
    """Return which file of the stack's state, its history and backups included, or its export shows one of `values`."""
    texts = {"the export": json.dumps(platform.state())}
    folder = platform.root / "home"
    for file in (path for path in folder.rglob("*") if path.is_file() and path.name != "passphrase"):
        texts[str(file.relative_to(folder))] = file.read_text(encoding="utf-8", errors="replace")
    assert len(texts) > 2, "no state was found"
    known = [value for value in values if value]
    return [name for name, text in texts.items() if any(value in text for value in known) or "PRIVATE KEY" in text]


def leaks_in_image(image: str, values: Iterable[str]) -> list[str]:
    """Return which layer or setting of `image` holds one of `values`."""
    needles = [value.encode() for value in values if value]
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "image.tar"
        docker("save", "--output", str(saved), image)
        return [f"{image}: a secret in {name}" for name, data in _members(saved) if any(n in data for n in needles)]


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of an image's archive; layers are archives themselves and not compressed by `docker save`."""
    with tarfile.open(archive) as outer:
        for member in outer:
            if member.isfile() and (stream := outer.extractfile(member)) is not None:
                yield member.name, stream.read()


def _logs(identity: str) -> str:
    done = subprocess.run(["docker", "logs", identity], capture_output=True, text=True, check=False, errors="replace")  # noqa: S607
    return done.stdout + done.stderr


def _environment(process: str) -> str:
    """Return the environment of a process on this machine; nothing where it ended, or may not be read."""
    try:
        return Path(f"/proc/{process}/environ").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
