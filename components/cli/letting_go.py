"""What is protected and no longer in the program: most of it may go, data may not."""

from ..identity import BACKUP_PASSWORD
from ..plan import Plan
from ..plan.view import BACKUPS, VOLUME
from .console import say
from .stack import PulumiStack
from .state import State


def let_go(pulumi: PulumiStack, plan: Plan) -> None:
    """Unprotect what the settings have replaced: a secret that is given now, backups that go to another place.

    Volumes of data stay protected, and so does the password of backups that are turned off: Pulumi refuses to delete
    them.
    """
    state = pulumi.state()
    for urn in _replaced_secrets(state, plan):
        pulumi.unprotect(urn)
    # Without backups nothing moves.
    if any(resource.type == BACKUPS for resource in plan.resources):
        wanted = {volume.inputs.get("name") for volume in plan.of_type(VOLUME)}
        for urn, name in state.repositories().items():
            if name not in wanted:
                say(f"backups go to another place from now on; those in volume {name} stay there")
                pulumi.unprotect(urn)


def _replaced_secrets(state: State, plan: Plan) -> list[str]:
    """Return the URNs of protected random values that nothing in the plan asks for."""
    wanted = {resource.name for resource in plan.resources}
    return [
        urn
        for urn in state.protected()
        if "$random:index/" in urn and not urn.endswith(BACKUP_PASSWORD) and urn.rpartition("::")[2] not in wanted
    ]
