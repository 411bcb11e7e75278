"""Plans of the stacks of the project, made once; small ones made by hand; and what carries plans out in tests."""

import dataclasses
import functools
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from slidegenie.compose.project import ComposeProject, compose_project, render_compose
from slidegenie.context import Context
from slidegenie.plan import Plan, Resource, StackProgram
from slidegenie.plan.view import CONTAINER, NETWORK, VOLUME
from slidegenie.runner import PreviewOptions, Runner, RunnerKind, UpOptions

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("dev", "prod", "airgap")
_STACK_LABEL = {"io.slidegenie.stack": "demo/test"}


@functools.cache
def plan_of(stack: str) -> Plan:
    """Return the plan of a stack of the project."""
    return _program(stack).plan()


@functools.cache
def _program(stack: str) -> StackProgram:
    return StackProgram.read(ROOT, stack)


@functools.cache
def compose_of(stack: str) -> ComposeProject:
    """Return a stack of the project as a Compose project."""
    return compose_project(_program(stack))


@functools.cache
def document_of(stack: str) -> dict[str, Any]:
    """Return the parsed Compose file of a stack of the project."""
    # As `safe_load`, in a tenth of its time.
    document: dict[str, Any] = yaml.load(compose_of(stack).text, Loader=yaml.CSafeLoader)
    return document


def resource(kind: str, name: str, *, labels: dict[str, str] | None = None, **rest: Any) -> Resource:
    """Return a resource as the recorder would have made it."""
    after = rest.pop("after", ())
    options = {"protect": False, "delete_before_replace": None, **rest.pop("options", {})}
    listed = [{"label": key, "value": value} for key, value in (_STACK_LABEL | (labels or {})).items()]
    return Resource(
        type=kind,
        name=name,
        urn=f"urn:{kind}::{name}",
        parent=None,
        custom=True,
        # The labels of a build are a map, all others a list.
        inputs={"labels": (labels or {}) if kind.startswith("docker-build:") else listed, **rest},
        dependencies=tuple(f"urn:{CONTAINER}::{other}" for other in after),
        replace_on_changes=(),
        retain_on_delete=False,
        outputs={"name": rest.get("name", name)},
        **options,
    )


def container(service: str, number: int = 1, *, role: str = "server", labels: Any = None, **inputs: Any) -> Resource:
    """Return a container of a service."""
    compose = "com.docker.compose"
    base = {"image": "web:1", "memory": 64, "cpus": "1", "logDriver": "local"}
    own = {
        f"{compose}.project": "demo-test",
        f"{compose}.service": service,
        f"{compose}.container-number": str(number),
        f"{compose}.config-hash": f"hash {number}",
        "io.slidegenie.role": role,
        "io.slidegenie.pids-limit": "32",
    }
    return resource(CONTAINER, f"{service}-{number}", labels=own | (labels or {}), **base | inputs)


def seed(name: str, volume: str, uploads: Any = ()) -> Resource:
    """Return a container that prepares a volume."""
    return resource(
        CONTAINER,
        name,
        labels={"io.slidegenie.role": "seed"},
        image="seed:1",
        uploads=uploads if not isinstance(uploads, tuple) else list(uploads),
        mounts=[{"type": "volume", "source": volume, "target": "/volume"}],
    )


def volume(name: str, *, data: str | None = None, **inputs: Any) -> Resource:
    """Return a volume of data, or of files."""
    label = {"io.slidegenie.data": data} if data else {"io.slidegenie.content": "abc"}
    return resource(VOLUME, name, labels=label, **inputs)


def network(zone: str) -> Resource:
    """Return a network."""
    return resource(NETWORK, f"demo-{zone}", labels={"io.slidegenie.zone": zone}, internal=False)


def upload(file: str, content: Any) -> dict[str, Any]:
    """Return one upload."""
    return {"file": f"/volume/{file}", "content": content, "permissions": "0444"}


def mount(name: str, path: str, *, read_only: bool = True) -> dict[str, Any]:
    """Return the mount of a volume."""
    return {"type": "volume", "source": name, "target": path, "readOnly": read_only}


def made_of(resources: Iterable[Resource]) -> Plan:
    """Return a plan of these resources."""
    return Plan("demo", "test", list(resources))


def rendered(*resources: Resource, by_content: bool = False) -> tuple[ComposeProject, dict[str, Any]]:
    """Return a plan of these resources as a Compose project, and its parsed file."""
    project = render_compose(
        made_of(resources),
        Path("/checkout"),
        secrets_dir=Path(".secrets"),
        files_dir=Path("files"),
        by_content=by_content,
    )
    return project, yaml.safe_load(project.text)


def write_program(folder: Path, *stacks: str) -> None:
    """Write a program called `slidegenie` that declares next to nothing, with these stacks."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: slidegenie\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text("import pulumi\n\npulumi.export('said', 'hello')\n", encoding="utf-8")
    for stack in stacks:
        (folder / f"Pulumi.{stack}.yaml").write_text("config: {}\n", encoding="utf-8")


class FakeRunner:
    """Stands in for Pulumi or Compose."""

    def __init__(self, kind: RunnerKind = RunnerKind.PULUMI) -> None:
        self.kind = kind
        self.asked: list[str] = []
        """What it was asked, and what a test notes beside it."""
        self.refusal: Exception | None = None
        """What it raises, whatever it is asked."""
        self.keeps_backups = False
        self.exported: dict[str, Any] = {}
        self.generated: dict[str, str] = {}

    def take(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of what would carry out the plan of any stack."""
        fake: Runner = self
        monkeypatch.setattr(Context, "runner", fake)
        monkeypatch.setattr(Context, "rollout_runner", lambda _context: fake)

    def note(self, *words: str) -> None:
        """Note what was asked."""
        self.asked.append(" ".join(words))
        if self.refusal is not None:
            raise self.refusal

    def up(self, options: UpOptions) -> None:
        self.note("up", *(name for name, wanted in dataclasses.asdict(options).items() if wanted))

    def preview(self, options: PreviewOptions) -> None:
        self.note("preview", *(name for name, wanted in dataclasses.asdict(options).items() if wanted))

    def down(self) -> None:
        self.note("down")

    def destroy(self, *, with_backups: bool) -> bool:
        self.note("destroy", *(["with_backups"] if with_backups else []))
        return self.keeps_backups and not with_backups

    def outputs(self) -> Mapping[str, Any]:
        self.note("outputs")
        return self.exported

    def passwords(self) -> Iterator[tuple[str, str]]:
        self.note("passwords")
        yield from self.generated.items()

    def container_ids(self) -> set[str]:
        self.note("container_ids")
        return set()


def in_a_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a small program, with a home of its own, which is returned, and an engine that has nothing."""
    write_program(folder / "program", "dev", "prod", "airgap")
    monkeypatch.chdir(folder / "program")
    monkeypatch.setenv("SLIDEGENIE_HOME", str(folder / "home"))
    monkeypatch.setattr("slidegenie.context.docker", lambda *_, **__: subprocess.CompletedProcess((), 0, "", ""))
    return folder / "home"
