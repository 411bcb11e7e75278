"""A registry of its own and a small Pulumi program that runs one image, for the tests of the supply chain."""

import base64
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..support.workspace import ROOT, Result, docker

REGISTRY_IMAGE = "slidegenie-airgap/registry:2.8.2"
USER, PASSWORD = "slidegenie", "registry-password"
_HTPASSWD = f"{USER}:$2b$04$5FXRU2ngs/Z.Qf4TtRsnR.HW1oFqE5AmTZFAaiDsYbzwifoOmxW1q\n"
BASE = "slidegenie-airgap/debian:bookworm-slim"

PROGRAM = """
import pulumi
from components import *
from components.images.backend_image import admitted_backend
from components.images.supply_chain.admission import VendorImages, VendorImagesArgs

settings = load_settings()
foundation = Foundation("chain", FoundationArgs(images=settings.images, engine=settings.engine))
backend = settings.backend
rollout = BackendImageArgs(
    image=backend.image,
    variant=variants.image_variant(backend.variant, backend.target),
    release=backend.release,
    context=backend.context,
    dockerfile=backend.dockerfile,
    images=settings.images,
    engine=settings.engine,
    registry=settings.registry,
    supply_chain=settings.supply_chain,
    secrets=settings.secrets,
)
image = admitted_backend("chain-app", rollout, parent=foundation)
foundation.wait_for(image)
vendors = VendorImages(
    "chain-vendors",
    VendorImagesArgs(
        images=settings.images,
        settings=settings.supply_chain,
        registry=settings.registry,
        secrets=settings.secrets,
    ),
)
for verified in vendors.verified:
    foundation.wait_for(verified)


def server(role, image, **environment):
    return Server(
        f"chain-{role}",
        ServerArgs(
            foundation=foundation,
            service=role,
            image=image,
            zones=(Zone.APPLICATION,),
            limits=Limits(memory_mib=32),
            command=["sleep", "86400"],
            environment=environment,
            health=HealthCheck(command=["true"], interval_seconds=1),
            rollout=Rollout.ROLLING,
            grace_seconds=1,
        ),
    )


server("app", image)
# Stands for the rest of the platform: its own image, and changed by every rollout.
server("other", foundation.seed_image, RELEASE=settings.backend.release)
pulumi.export("image", image)
"""


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody listens on."""
    taken = docker("ps", "--format", "{{.Ports}}")
    return next(port for port in range(first, first + 50) if f":{port}->" not in taken)


@dataclass(frozen=True)
class Registry:
    """A registry with a login, whose content is gone with it."""

    name: str
    address: str

    @classmethod
    def start(cls, folder: Path) -> "Registry":
        """Start one and wait until it answers."""
        folder.chmod(0o755)
        (folder / "htpasswd").write_text(_HTPASSWD, encoding="utf-8")
        port = free_port(5055)
        name = f"slidegenie-test-registry-{port}"
        docker(
            *("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:5000"),
            *("--tmpfs", "/var/lib/registry:uid=1000,gid=1000", "--volume", f"{folder}/htpasswd:/htpasswd:ro"),
            *("--env", "REGISTRY_AUTH=htpasswd", "--env", "REGISTRY_AUTH_HTPASSWD_REALM=test"),
            *("--env", "REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd", REGISTRY_IMAGE),
        )
        registry = cls(name, f"127.0.0.1:{port}")
        for _ in range(100):
            try:
                registry.get("")
            except OSError:
                time.sleep(0.1)
            else:
                return registry
        raise AssertionError(docker("logs", name))

    def get(self, path: str, accept: str = "*/*") -> tuple[Any, str]:
        """Return a document and the digest the registry says it has."""
        with self._open(path, {"Accept": accept}) as answer:
            return json.load(answer), answer.headers.get("Docker-Content-Digest", "")

    def copy_tag(self, tag: str, other: str) -> None:
        """Put the index under `tag` of the backend under `other` as well."""
        index = "application/vnd.oci.image.index.v1+json"
        with self._open(f"slidegenie/backend/manifests/{tag}", {"Accept": index}) as answer:
            content = answer.read()
        self._open(f"slidegenie/backend/manifests/{other}", {"Content-Type": index}, content).close()

    def _open(self, path: str, headers: dict[str, str], content: bytes | None = None) -> Any:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"http://{self.address}/v2/{path}",
            headers=headers | {"Authorization": f"Basic {token}"},
            data=content,
            method="PUT" if content else "GET",
        )
        return urllib.request.urlopen(request)  # noqa: S310

    def digest(self, tag: str) -> str:
        """Return the digest under a tag of the backend."""
        return self.get(f"slidegenie/backend/manifests/{tag}", "application/vnd.docker.distribution.manifest.v2+json")[
            1
        ]

    def tags(self) -> set[str]:
        """Return the tags of the backend that people see."""
        listed: list[str] = self.get("slidegenie/backend/tags/list")[0]["tags"]
        return {tag for tag in listed if not tag.startswith("sha256-")}

    def stop(self) -> None:
        """Remove it."""
        docker("rm", "--force", "--volumes", self.name)


@dataclass(frozen=True)
class Program:
    """The small program in a project of its own, with the real Pulumi."""

    root: Path
    registry: Registry

    @classmethod
    def make(cls, root: Path, registry: Registry) -> "Program":
        """Write it, and a first release of an application."""
        for name in ("components", "docker", "monitoring", "security"):
            (root / name).symlink_to(ROOT / name)
        (root / "Pulumi.yaml").write_text(
            yaml.safe_dump(
                {"name": "slidegenie", "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}}
            ),
            encoding="utf-8",
        )
        (root / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        (root / "app").mkdir()
        program = cls(root, registry)
        program.release("1.0.0")
        assert program.pulumi("stack", "init", "chain").code == 0
        program.configure()
        assert (
            program.pulumi("config", "set", "--secret", "--path", "slidegenie:secrets.registryPassword", PASSWORD).code
            == 0
        )
        return program

    def release(self, version: str, content: str = "") -> None:
        """Write an application whose image says its version."""
        (self.root / "app" / "version").write_text(version, encoding="utf-8")
        (self.root / "app" / "Dockerfile").write_text(
            textwrap.dedent(f"""\
                ARG PYTHON_IMAGE
                FROM {BASE} AS production
                COPY version /version
                {content}
                USER 1000:1000
                """),
            encoding="utf-8",
        )

    def configure(self, **sections: dict[str, Any]) -> None:
        """Write the settings of the stack: what all tests share, and `sections` over it."""
        file = self.root / "Pulumi.chain.yaml"
        kept = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
        config = kept.setdefault("config", {})
        secrets = config.get("slidegenie:secrets", {})
        config |= {
            "slidegenie:images": {"seed": BASE},
            "slidegenie:registry": {"address": self.registry.address, "platforms": ["linux/amd64"]},
            "slidegenie:backend": {
                "context": "app",
                "healthCommand": ["true"],
                "release": (self.root / "app" / "version").read_text(),
            },
            "slidegenie:supplyChain": {
                "require": "enforce",
                "scanPolicy": "security/trivy-scan-offline.yml",
            },
        }
        for section, values in sections.items():
            config[f"slidegenie:{section}"] = {
                key: value for key, value in (config.get(f"slidegenie:{section}", {}) | values).items() if value != ""
            }
        if secrets:
            config["slidegenie:secrets"] = secrets
        file.write_text(yaml.safe_dump(kept), encoding="utf-8")

    def up(self) -> Result:
        """Run `pulumi up`."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def pulumi(self, *args: str, **variables: str) -> Result:
        """Run Pulumi on the stack."""
        (self.root / "state").mkdir(exist_ok=True)
        environment = {
            "PULUMI_BACKEND_URL": (self.root / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(self.root),
        }
        flags = [] if args[:2] == ("stack", "init") else ["--stack", "chain"]
        done = subprocess.run(
            [shutil.which("pulumi") or "pulumi", *args, *flags, "--non-interactive", "--color", "never"],
            cwd=self.root,
            env=os.environ | environment | variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def running(self) -> list[str]:
        """Return what runs: service, container and image of each."""
        found = docker(
            *("ps", "--all", "--no-trunc", "--filter", "label=io.slidegenie.stack=slidegenie/chain"),
            *("--filter", "label=io.slidegenie.role=server"),
            *("--format", '{{.Label "com.docker.compose.service"}} {{.ID}} {{.Image}}'),
        )
        return sorted(found.splitlines())

    def image(self) -> str:
        """Return the image the application runs."""
        (image,) = (line.split()[2] for line in self.running() if line.startswith("app "))
        return image

    def destroy(self) -> None:
        """Remove everything."""
        self.pulumi("state", "unprotect", "--all", "--yes")
        self.pulumi("destroy", "--yes", "--skip-preview")
