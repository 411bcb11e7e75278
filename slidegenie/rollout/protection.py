"""What is protected and no longer in the settings: generated secrets may go, data only when somebody says so."""

from ..console import Problem, info
from ..plan import Plan
from ..plan.view import BACKUPS, VOLUME
from ..pulumi.stack import PulumiStack

_RANDOM = "random:index/"


def unprotect_replaced(stack: PulumiStack, plan: Plan, *, remove: bool) -> None:
    """Unprotect what the settings have replaced, before anything is changed.

    A secret that is given now takes a generated one's place, and backups that go to another place stay where they were.
    Volumes of data go with `remove` only, and so does the password of backups that are turned off.

    Raises:
        Problem: naming what would be lost, without `remove`.
    """
    state = stack.state()
    wanted = {(resource.type, resource.name) for resource in plan.resources}
    volumes = {volume.inputs.get("name") for volume in plan.of_type(VOLUME)}
    backs_up = any(resource.type == BACKUPS for resource in plan.resources)
    moved = {urn: name for urn, name in state.repositories().items() if name not in volumes and backs_up}
    gone = [urn for urn in state.protected() if _type_and_name(urn) not in wanted and urn not in moved]
    lost = [urn for urn in gone if not _replaced(urn, backs_up=backs_up)]
    if lost and not remove:
        names = ", ".join(sorted(_type_and_name(urn)[1] for urn in lost))
        raise Problem(
            f"the settings of stack {stack.name} no longer have what holds data or opens it: {names}. Nothing was"
            " changed. Put it back, or let it go for good with `make up LET_GO=yes` (docs/operations.md)"
        )
    for name in moved.values():
        info(f"backups go to another place from now on; those in volume {name} stay there")
    for urn in (*gone, *moved):
        stack.unprotect(urn)


def _type_and_name(urn: str) -> tuple[str, str]:
    kind, _, name = urn.rpartition("::")
    return kind.rpartition("::")[2].rpartition("$")[2], name


def _replaced(urn: str, *, backs_up: bool) -> bool:
    kind, name = _type_and_name(urn)
    opens_backups = name.endswith(("-backup-password", "-backup-deputy"))
    return kind.startswith(_RANDOM) and (backs_up or not opens_backups)
