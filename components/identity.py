"""How a stack is recognised on a Docker host: the Compose project name and our own labels."""

import pulumi

STACK_LABEL = "io.slidegenie.stack"
"""On every container, volume and network: `project/stack`. What carries it and is not in the state is left over."""
ROLE_LABEL = "io.slidegenie.role"
"""On every container: `server`, `job` or `seed`."""
RELEASE_LABEL = "io.slidegenie.release"
"""On containers of a release: its version."""
ROOT_LABEL = "io.slidegenie.root-because"
"""On a container that runs as root: why it has to."""
IMAGE_LABEL = "io.slidegenie.image-of"
"""On an image that a stack built for itself: `project/stack`. Not the label of containers, for they inherit those of
their image, and one that a person starts from it is not the stack's."""
SERVICE_LABEL = "com.docker.compose.service"
"""On every container: the name that people use."""
ZONE_LABEL = "io.slidegenie.zone"
"""On a network: which zone of the stack it is."""
CONTENT_LABEL = "io.slidegenie.content"
"""On a volume of files: what they are, or their digest where they are immutable."""
LOGIN_LABEL = "io.slidegenie.login"
"""On a job that admits the current login to a data store: which one. Run again as `retire`, it ends all others."""
DATA_LABEL = "io.slidegenie.data"
"""On a volume of data: what it holds."""
BACKUPS_DATA = "backups"
"""What the volume of the backup repository holds. It is the one that `make destroy` leaves."""
BACKUP_PASSWORD = "-backup-password"  # noqa: S105 - how a name ends
"""How the name of the generated password of that repository ends; it stays with it."""
PIDS_LABEL = "io.slidegenie.pids-limit"
"""Processes and threads at most. The Docker provider cannot set it, so it travels as a label."""


def compose_project() -> str:
    """Return the name under which `docker compose -p NAME` finds the stack."""
    return f"{pulumi.get_project()}-{pulumi.get_stack()}".lower()


def stack_labels() -> dict[str, str]:
    """Return the labels that mark something as belonging to the current stack."""
    return {STACK_LABEL: f"{pulumi.get_project()}/{pulumi.get_stack()}"}
