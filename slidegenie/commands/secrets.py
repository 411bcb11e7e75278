"""Commands that show secrets and replace them."""

from typing import Annotated

import typer

from components.containers.existing_data import WAYS_OUT
from components.core.engine import DockerEngine
from components.core.program import local_socket_group

from ..compose.project import SECRETS_DIR
from ..compose.write import prepare_machine
from ..console import Problem, echo
from ..context import DEFAULT_STACK, Context, runner_of_volumes
from ..engine.edge_check import shown_certificate
from ..engine.start import ensure_engine
from ..policy.enforcement import enforce
from .options import Engine, Stack

_NO_PASSWORDS = ("-hash-key", "-certificate-authority", "-certificate-key", "-app-key")
"""Ends of the names of random values that nobody types: keys are made from them."""


def password(stack: Stack = None, engine: Engine = None) -> None:
    """Print the generated passwords and keys."""
    for secret, value in Context.of(stack, engine).runner.passwords():
        if not secret.endswith(_NO_PASSWORDS):
            echo(f"{secret}\t{value}")


def rotate(
    secret: Annotated[
        str | None, typer.Argument(help="Which one. Default: list them, with age and what a rotation interrupts.")
    ] = None,
    stack: Stack = None,
    engine: Engine = None,
) -> None:
    """Replace a generated secret by a new one, while everything runs. Needs Pulumi."""
    context = Context.of(stack, engine)
    pulumi = context.pulumi("which cannot take the old and the new secret at once: rotation needs Pulumi")
    # Before anything else, so that mistakes in the settings are named.
    _ = context.plan
    ensure_engine()
    if secret is None:
        for line in pulumi.rotatable():
            echo(line)
        return
    enforce(context.program, context.plan)
    pulumi.rotate(secret, lambda: shown_certificate(context.plan))


def authority(stack: Stack = None, engine: Engine = None) -> None:
    """Write the local authority's certificate to a file and print its path, so that it can be trusted."""
    context = Context.of(stack, engine)
    if not (pem := context.runner.outputs().get("authority")):
        raise Problem(f"stack {context.stack} has no local authority: its certificate is your own (proxy.tls)")
    file = context.user.folder("stacks", context.stack) / "authority.pem"
    file.write_text(str(pem), encoding="utf-8")
    echo(str(file))


def secrets(stack: Stack = DEFAULT_STACK) -> None:
    """Write the secret files and .env that the committed Compose files need, once; for use without `up`."""
    context = Context.planned(stack)
    if not (context.root / SECRETS_DIR / context.stack / "vault.json").is_file() and runner_of_volumes(context.label):
        raise Problem(
            f"stack {context.label} has data on this engine, which opens with the passwords that made it and no others;"
            f" nothing was written: {WAYS_OUT}"
        )
    group = local_socket_group(context.settings.engine, DockerEngine.of(), context.program.file)
    prepare_machine(context.program, int(group))
    compose = "docker-compose.yml" if context.stack == DEFAULT_STACK else f"docker-compose.{context.stack}.yml"
    echo(f"wrote .secrets/{context.stack} and .env; now: docker compose -f {compose} up -d")
