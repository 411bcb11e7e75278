"""A copy of the checkout with a stack of its own, driven through the commands that people type."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
NEVER_HEALTHY = ["python", "-c", "raise SystemExit('redis does not answer')"]
"""A health check of the application that says no for ever, and why."""
_PATIENCE_SECONDS = 1200
_AIRGAP = "slidegenie-airgap/"


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams."""
        return self.out + self.err


@dataclass(frozen=True)
class Workspace:
    """One stack in a folder of its own, with ports, state and secrets of its own."""

    root: Path
    stack: str
    engine: str
    ports: tuple[int, int, int]
    """HTTP, HTTPS and the backend's own."""

    @classmethod
    def make(cls, folder: Path, stack: str, engine: str, first_port: int) -> "Workspace":
        """Copy the checkout into `folder` and give it the stand-in images' settings under the name `stack`."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(Path(sys.prefix))
        workspace = cls(folder, stack, engine, (first_port, first_port + 1, first_port + 2))
        http, https, backend = workspace.ports
        settings = yaml.safe_load((ROOT / "Pulumi.airgap.yaml").read_text(encoding="utf-8"))["config"]
        settings["slidegenie:proxy"] |= {"httpPort": http, "httpsPort": https, "backendPort": backend}
        # All load comes from one address here, and a refused request would count as a failed one.
        settings["slidegenie:proxy"] |= {"rateLimit": {"requestsPerSecond": 0, "requestsAtOnce": 0}}
        settings["slidegenie:backend"] = {"startSeconds": 60}
        # Its own tests turn it on; every other stack stays small and leaves its ports alone.
        settings["slidegenie:monitoring"] |= {"enabled": False, "ports": {}}
        workspace._write(settings)
        return workspace

    @property
    def label(self) -> str:
        """The stack's name on containers."""
        return f"slidegenie/{self.stack}"

    @property
    def url(self) -> str:
        """Address of the platform."""
        return f"https://localhost:{self.ports[1]}"

    @property
    def token(self) -> str:
        """The token of the application's clients, as people are shown it; empty where it wants none."""
        shown = self.run("password")
        assert shown.code == 0, shown.text
        found = dict(line.split("\t") for line in shown.out.splitlines() if "\t" in line)
        return found.get("slidegenie-app-token-default", "")

    def configure(self, section: str, **values: Any) -> None:
        """Change settings of the stack; `None` takes one out."""
        settings = self._read()
        group = settings.setdefault(f"slidegenie:{section}", {})
        for key, value in values.items():
            group.pop(key, None) if value is None else group.__setitem__(key, value)
        self._write(settings)

    def run(self, command: str, *options: str, **environment: str) -> Result:
        """Run one of the project's commands on the stack, with further options of it."""
        done = subprocess.run(
            self._arguments(command, *options), **self._options(environment), timeout=_PATIENCE_SECONDS, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def execute(self, container: str, script: str, given: str = "") -> Result:
        """Run a shell script in a container, with `given` on its standard input."""
        command = ["docker", "exec", "--interactive", container, "sh", "-c", script]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout.strip(), done.stderr.strip())

    def state(self, *flags: str) -> dict[str, Any]:
        """Return the stack's state, as Pulumi exports it."""
        exported = self.pulumi("stack", "export", *flags)
        assert exported.code == 0, exported.text
        deployment: dict[str, Any] = json.loads(exported.out)["deployment"]
        return deployment

    def start(self, command: str, *options: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a command and do not wait for it."""
        return self._started(self._arguments(command, *options), environment)

    def pulumi(self, *args: str) -> Result:
        """Run Pulumi itself on the stack as it was configured, as a person would who does not use the commands."""
        done = subprocess.run(self._pulumi(args), **self._options(self._state), check=False, timeout=900)
        return Result(done.returncode, done.stdout, done.stderr)

    def start_pulumi(self, *args: str) -> "subprocess.Popen[str]":
        """Start Pulumi itself and do not wait for it."""
        return self._started(self._pulumi(args), self._state)

    def _started(self, command: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
        how = self._options(environment)
        del how["capture_output"]
        return subprocess.Popen(
            # Where the tests run in the background of a shell, everything they start would ignore Ctrl-C.
            ["env", "--default-signal=INT", *command],  # noqa: S607 - the one of coreutils
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **how,
        )

    def _pulumi(self, args: Sequence[str]) -> list[str]:
        """Return the command, with the settings of now and the salt that Pulumi gave them."""
        settings = self.root / "home" / "stacks" / self.stack / f"Pulumi.{self.stack}.yaml"
        known = yaml.safe_load(settings.read_text(encoding="utf-8"))
        settings.write_text(yaml.safe_dump(known | {"config": self._read()}, sort_keys=False), encoding="utf-8")
        needs_settings = args[0] in ("preview", "up", "refresh", "destroy")
        flags = ["--stack", self.stack, "--non-interactive", "--color", "never"]
        return ["pulumi", *args, *flags, *(["--config-file", str(settings)] if needs_settings else [])]

    @property
    def _state(self) -> dict[str, str]:
        return {
            "PULUMI_BACKEND_URL": (self.root / "home" / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.root / "home" / "passphrase"),
        }

    def containers(self, service: str | None = None, *, everything: bool = False) -> list[dict[str, Any]]:
        """Return what `docker inspect` says of the stack's containers."""
        filters = ["--filter", f"label=io.slidegenie.stack={self.label}"]
        if service:
            filters += ["--filter", f"label=com.docker.compose.service={service}"]
        ids = docker("ps", "--quiet", "--no-trunc", *(["--all"] if everything else []), *filters).split()
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids)) if ids else []
        return found

    def destroy(self) -> None:
        """Remove everything the stack made, whatever state it is in."""
        self.run("destroy", "--confirm", self.stack)
        mark = f"label=io.slidegenie.stack={self.label}"
        for kind, flags in (("container", ["--all"]), ("volume", []), ("network", [])):
            if left := docker(kind, "ls", "--quiet", *flags, "--filter", mark).split():
                docker(kind, "rm", *(["--force"] if kind != "network" else []), *left)

    def _arguments(self, command: str, *options: str) -> list[str]:
        on = ["--stack", self.stack, "--engine", self.engine]
        return [sys.executable, "-m", "slidegenie", *command.split(), *on, *options]

    def _options(self, environment: dict[str, str]) -> dict[str, Any]:
        home = {"SLIDEGENIE_HOME": str(self.root / "home")}
        env = os.environ | home | environment
        return {"cwd": self.root, "env": env, "capture_output": True, "text": True}

    @property
    def _file(self) -> Path:
        return self.root / f"Pulumi.{self.stack}.yaml"

    def _read(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load(self._file.read_text(encoding="utf-8"))["config"]
        return config

    def _write(self, config: dict[str, Any]) -> None:
        self._file.write_text(yaml.safe_dump({"config": config}, sort_keys=False), encoding="utf-8")


def docker(*args: str) -> str:
    """Run `docker ARGS` and return what it printed; fail the test when it fails."""
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, f"docker {' '.join(args)}: {done.stderr}"
    return done.stdout


def missing_for_engine_tests() -> str | None:
    """Say why tests on a real engine cannot run here, or return `None` when they can."""
    if shutil.which("docker") is None:
        return "Docker is not installed"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:  # noqa: S607
        return "no Docker engine answers"
    images = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if f"{_AIRGAP}traefik" not in images.stdout:
        return "the stand-in images are not built: run scripts/build-airgap-images.sh"
    return None
