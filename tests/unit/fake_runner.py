"""What carries plans out in tests of commands: it changes nothing, and notes what it is asked."""

import dataclasses
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from slidegenie.context import Context
from slidegenie.runner import Runner, RunnerKind, UpOptions

from .plans import write_program


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

    def preview(self) -> None:
        self.note("preview")

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
    monkeypatch.setattr(
        "slidegenie.recorded_runner.docker", lambda *_, **__: subprocess.CompletedProcess((), 0, "", "")
    )
    return folder / "home"
