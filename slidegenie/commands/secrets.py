"""The commands that show secrets and replace them."""

import os
from collections.abc import Callable

from components.containers.foreign_data import WAYS_OUT
from components.core.engine import DockerEngine
from components.core.socket_group import local_socket_group

from ..compose.project import SECRETS_DIR
from ..compose.stack import ComposeStack
from ..compose.write import prepare_machine
from ..console import Problem, show
from ..context import DEFAULT, ROOT, Request, chosen, pulumi_stack
from ..engine.docker import speak_to
from ..engine.edge_check import shown_certificate
from ..engine.start import ensure_engine
from ..plan import plan_stack
from ..plan.program import project_name, stack_configuration, stack_settings
from ..policy.enforcement import enforce
from ..rollout.protection import let_go
from ..rollout.rotation import Rotation
from ..runner import shown_by
from ..user_folder import Home
from .releases import history_of

_NO_PASSWORDS = ("-hash-key", "-certificate-authority", "-certificate-key", "-app-key")
"""Ends of the names of random values that nobody types: keys are made from them."""


def password(request: Request) -> None:
    """Print the generated passwords and keys."""
    name, engine = chosen(request)
    home = Home.open()
    secrets = (
        ComposeStack(ROOT, name, home).passwords()
        if engine == "compose"
        else pulumi_stack(name).state(secrets=True).passwords()
    )
    for secret, value in secrets:
        if not secret.endswith(_NO_PASSWORDS):
            show(f"{secret}\t{value}")


def rotate(request: Request) -> None:
    """Replace a generated secret by a new one (SECRET=postgres); without SECRET, list them and how old each is."""
    name, engine = chosen(request)
    if engine == "compose":
        raise Problem(
            f"stack {name} runs with Docker Compose, which cannot take the old and the new secret at once: rotation"
            " needs Pulumi"
        )
    plan = plan_stack(ROOT, name)
    ensure_engine()
    pulumi = pulumi_stack(name)
    history = history_of(pulumi)
    held = history.held_settings()
    # What a rollback put there stays there.
    pulumi.open(backend=held)
    configuration = stack_configuration(ROOT, name)
    rotation = Rotation(pulumi, pulumi.label, configuration, lambda: shown_certificate(plan))
    if secret := os.environ.get("SECRET"):
        # It is a rollout of what settings and code say by now, and so a release like any other.
        enforce(ROOT, plan)
        let_go(pulumi, plan)
        rotation.rotate(secret, begins=history.begin if held is None else _keep)
        if held is None:
            history.came_up()
    else:
        for line in rotation.listed():
            show(line)


def _keep() -> None:
    """Leave the record of releases alone: what a rollback put there is the release still."""


def authority(request: Request) -> None:
    """Write the local authority's certificate to a file and print its path, so that it can be trusted."""
    name, engine = chosen(request)
    home = Home.open()
    outputs = ComposeStack(ROOT, name, home).outputs() if engine == "compose" else pulumi_stack(name).outputs()
    if not (pem := outputs.get("authority")):
        raise Problem(f"stack {name} has no local authority: its certificate is your own (proxy.tls)")
    file = home.folder("stacks", name) / "authority.pem"
    file.write_text(str(pem), encoding="utf-8")
    show(str(file))


def secrets(request: Request) -> None:
    """Write the secret files and .env that the committed Compose files need, once; for use without `make up`."""
    stack = request.stack or DEFAULT
    label, name = f"{project_name(ROOT)}/{stack}", f"Pulumi.{stack}.yaml"
    speak_to(DockerEngine.of(stack_configuration(ROOT, stack), name))
    if not (ROOT / SECRETS_DIR / stack / "vault.json").is_file() and shown_by(label):
        raise Problem(
            f"stack {label} has data on this engine, which opens with the passwords that made it and no others; nothing"
            f" was written: {WAYS_OUT}"
        )
    group = local_socket_group(stack_settings(ROOT, stack).engine, DockerEngine.of(), name)
    prepare_machine(ROOT, stack, int(group))
    compose = "docker-compose.yml" if stack == DEFAULT else f"docker-compose.{stack}.yml"
    show(f"wrote .secrets/{stack} and .env; now: docker compose -f {compose} up -d")


COMMANDS: dict[str, Callable[[Request], None]] = {
    command.__name__.removeprefix("list_"): command for command in (password, rotate, authority, secrets)
}
"""These commands by their names."""
