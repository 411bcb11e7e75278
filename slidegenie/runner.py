"""What carries the plan of a stack out: Pulumi or Docker Compose, behind one interface."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class RunnerKind(enum.StrEnum):
    """The two of them, by the names people type."""

    PULUMI = "pulumi"
    COMPOSE = "compose"

    @property
    def full_name(self) -> str:
        """The name in a sentence."""
        return {RunnerKind.PULUMI: "Pulumi", RunnerKind.COMPOSE: "Docker Compose"}[self]


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What `up` may do beyond bringing a stack to what its settings say."""

    newest: bool = False
    """Make anew what stands on an image of which the engine has a newer one by now."""
    remove_protected: bool = False
    """Remove data, and what opens it, that the settings no longer have."""
    plan: Path | None = None
    """What a preview saved: nothing but that is done. Default: whatever there is to do."""


@dataclass(frozen=True, kw_only=True)
class PreviewOptions:
    """What a preview does beyond showing; only Pulumi can."""

    expect_no_changes: bool = False
    """Fail where there is anything to change."""
    policy_pack: Path | None = None
    """Folder of a policy pack that judges what would be done."""
    save_plan: Path | None = None
    """File that takes it, for `UpOptions.plan`."""


class Runner(Protocol):
    """Carries out the plan of one stack."""

    kind: RunnerKind

    def up(self, options: UpOptions) -> None:
        """Bring the stack to what the plan says, and see every server healthy."""

    def preview(self, options: PreviewOptions) -> None:
        """Print what `up` would change; changes nothing."""

    def down(self) -> None:
        """Remove containers and networks; data and generated secrets stay."""

    def destroy(self, *, with_backups: bool) -> bool:
        """Remove everything, data and secrets too; return whether backups stay, which go `with_backups` only."""

    def outputs(self) -> Mapping[str, Any]:
        """Return what the program exports."""

    def passwords(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each generated password."""

    def container_ids(self) -> set[str]:
        """Return the IDs of all containers that are on record as the stack's."""
