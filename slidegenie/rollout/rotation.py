"""Replace generated secrets by new ones while everything runs.

A rotation is a rollout in which one random value is made anew: the rest of the program follows from it. So a rotation
that was interrupted is finished by the next `make up`, and one that is run again starts from whatever is there.
"""

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.containers.api_tokens import FORMER
from components.core.labels import SERVICE_LABEL
from components.settings import TlsMode

from ..backups import DRIVER
from ..console import Problem, info
from ..engine.docker import containers, docker, last_line
from ..plan import StackProgram
from ..pulumi.stack import PulumiStack
from ..pulumi.state import StackState
from .rollout import roll_out, show_changes


@dataclass(frozen=True)
class Rotatable:
    """One secret that people know by a name."""

    what: str
    """What it opens, and what a rotation costs."""
    steps: tuple[tuple[str, ...], ...]
    """Ends of the names of the random values that are made anew, a rollout each."""
    given: tuple[str, ...] = ()
    """Keys below `secrets` under which somebody may have given it."""
    store: str | None = None
    """Section that says where somebody else keeps it: its `external`, of the edge its `tls`."""
    closing: str = "the old one is not valid any more"
    """What became of the old one."""


_EDGE = "proxy"
_PATIENCE_SECONDS, _PAUSE_SECONDS = 20, 0.3
_NOTHING_FAILS = "no request fails"
ROTATABLE: Mapping[str, Rotatable] = {
    "postgres": Rotatable(
        f"login of services at PostgreSQL; {_NOTHING_FAILS}",
        (("postgres-login-password",),),
        given=("postgresPassword",),
        store="postgres",
    ),
    "redis": Rotatable(
        f"login of services at Redis; {_NOTHING_FAILS}",
        (("redis-password",),),
        given=("redisPassword",),
        store="redis",
    ),
    "storage": Rotatable(
        f"keys of services at the object store; {_NOTHING_FAILS}",
        (("storage-login-key",),),
        given=("storageAccessKey", "storageSecretKey"),
        store="storage",
    ),
    # One of the two stays as it is, and gives the other its new password.
    "postgres-administrator": Rotatable(
        f"superuser of PostgreSQL and its deputy, for jobs; {_NOTHING_FAILS}",
        (("postgres-administrator",), ("postgres-deputy",)),
        store="postgres",
    ),
    "redis-administrator": Rotatable(
        f"administrator of Redis and its deputy, for jobs; {_NOTHING_FAILS}",
        (("redis-administrator",), ("redis-deputy",)),
        store="redis",
    ),
    "storage-root": Rotatable(
        "root user of MinIO, for jobs; MinIO restarts, and requests for files are answered 503 until it is back",
        (("storage-root-access", "storage-root-secret"),),
        store="storage",
    ),
    "postgres-monitor": Rotatable(
        f"login of PostgreSQL's exporter, which restarts; {_NOTHING_FAILS}", (("monitoring-postgres-password",),)
    ),
    "redis-backup": Rotatable(
        f"login of backups at Redis; {_NOTHING_FAILS}", (("redis-snapshot-password",),), store="redis"
    ),
    # Either of the two opens the repository, and lets the other in.
    "backup": Rotatable(
        f"password of the backup repository and its deputy; {_NOTHING_FAILS}, and a backup under way begins anew",
        (("backup-password",), ("backup-deputy",)),
        given=("backupPassword",),
    ),
    "grafana": Rotatable(
        f"user admin of Grafana, which restarts; {_NOTHING_FAILS}",
        (("monitoring-grafana-password",),),
        given=("grafanaPassword",),
    ),
    "certificate": Rotatable(
        "key and certificate of the edge; connections that begin in the second the pair changes are refused",
        (("traefik-certificate-key", "traefik-certificate-made"),),
        store=_EDGE,
        closing="Who trusts the local authority believes the old one until it expires; if"
        " its key was stolen, `make rotate SECRET=authority`",
    ),
    "authority": Rotatable(
        "the local authority, and `certificate`; who trusts the authority must trust the new one (`make authority`)",
        (("traefik-certificate-authority", "traefik-certificate-key", "traefik-certificate-made"),),
        store=_EDGE,
        closing="Who trusts the old authority believes what it signed"
        " until they remove it: have them trust the new one instead (`make authority`)",
    ),
}
"""What can be rotated in any stack, by the name people type."""


def _rotatable(state: StackState) -> dict[str, Rotatable]:
    """Return what can be rotated in this stack: tokens have the names that somebody gave them."""
    found = dict(ROTATABLE)
    for token in state.tokens():
        current, former = f"app-{token}", f"app-{token}{FORMER}"
        found[token] = Rotatable(
            f"token of clients; {_NOTHING_FAILS}: the one before it stays valid until the next rotation",
            # What remembers the former one takes the current one over, before that is made anew.
            ((former,), (current,)),
            closing="`make password` shows the new one. Once clients have it,"
            f" `make rotate SECRET={token}{FORMER}` ends the old one",
        )
        found[f"{token}{FORMER}"] = Rotatable("the token before that, which is ended", ((former,),))
    return found


class Rotation:
    """The secrets of one stack, which is open.

    `edge` returns a fingerprint of the certificate that the edge shows, `None` where nobody can ask it.
    """

    def __init__(self, stack: PulumiStack, program: StackProgram, edge: Callable[[], str | None]) -> None:
        self._stack, self._label, self._program, self._edge = stack, stack.label, program, edge

    def listed(self) -> Iterator[str]:
        """Yield a line for each secret: its name, its age, what it opens."""
        state, now = self._stack.state(), datetime.datetime.now(datetime.UTC)
        rotatable = _rotatable(state)
        width = max(map(len, rotatable))
        yield f"{'secret':<{width}}  {'age':<9}  what it opens"
        for name, secret in rotatable.items():
            if self._elsewhere(secret):
                age = "given"
            elif (made := _made(state, secret)) is not None:
                age = f"{(now - made).days} days"
            else:
                continue
            yield f"{name:<{width}}  {age:<9}  {secret.what}"
        yield "rotate one with `make rotate SECRET=<secret>`; a given one: change it where it was given, then `make up`"

    def rotate(self, name: str) -> None:
        """Replace one secret, roll out what uses it, and end the old one.

        Raises:
            Problem: when there is nothing to rotate, with what to do instead; or when the rollout failed.
        """
        rotatable = _rotatable(self._stack.state())
        if (secret := rotatable.get(name)) is None:
            raise Problem(f"SECRET must be one of {', '.join(rotatable)}; got {name!r}")
        if (why := self._elsewhere(secret)) is not None:
            raise Problem(f"{name} is not the platform's to rotate: {why}")
        if _made(self._stack.state(), secret) is None:
            raise Problem(f"stack {self._stack.name} has no secret {name}: `make rotate` lists what it has")
        if len(secret.steps) > 1:
            # One lets the other in: before either changes, what an interrupted rotation began must have arrived.
            self._roll_out(name, ())
        shown = self._edge() if secret.store == _EDGE else None
        for number, step in enumerate(secret.steps, start=1):
            info(f"rotating {name}" + (f", step {number} of {len(secret.steps)}" if len(secret.steps) > 1 else ""))
            urns = [resource["urn"] for resource in self._stack.state().ending(step)]
            for urn in urns:
                self._stack.unprotect(urn)
            self._roll_out(name, urns)
        if secret.store == _EDGE:
            self._see_the_edge(shown)
        info(f"{name} is rotated; {secret.closing}")

    def _see_the_edge(self, before: str | None) -> None:
        """See that the edge shows another certificate than before; it reads files within seconds, not at once.

        Raises:
            Problem: when it shows the same one.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (now := self._edge()) == before and now is not None:
            if time.monotonic() > deadline:
                raise Problem(
                    "the new certificate is made, and the edge shows the old one still: `docker logs` of its"
                    " container says why; `make up` tries again"
                )
            time.sleep(_PAUSE_SECONDS)
        info("the edge shows the new one" if now else "the edge cannot be asked from here: nobody saw what it shows")

    def _roll_out(self, name: str, urns: Sequence[str]) -> None:
        show_changes(roll_out(self._stack, urns))
        if name == "backup":
            self._tell_repository()

    def _elsewhere(self, secret: Rotatable) -> str | None:
        """Return who has the secret when it was not generated here, and what to do there."""
        if secret.store == _EDGE:
            return self._of_the_edge()
        if secret.store and self._program.section(secret.store).get("external"):
            keys = " and ".join(f"secrets.{key}" for key in secret.given)
            return (
                f"{secret.store}.external names a store that somebody else runs. Have a second login made there"
                + (f", set {keys} (and its user) in Pulumi.{self._stack.name}.yaml, `make up`," if keys else "")
                + " then have the first one removed"
            )
        known = self._program.section("secrets")
        if given := [f"secrets.{key}" for key in secret.given if key in known]:
            together = f", all {len(given)} together" if len(given) > 1 else ""
            return (
                f"it is given ({', '.join(given)}). Set a new one in Pulumi.{self._stack.name}.yaml{together}"
                " (docs/operations.md has the command), then `make up`: no request fails, and the old one ends with it"
            )
        return None

    def _of_the_edge(self) -> str | None:
        tls = self._program.section(_EDGE).get("tls")
        if tls == TlsMode.ACME.value:
            return (
                "it is issued by the authority of proxy.acme and renewed by itself. To have a new one at once, remove"
                " acme.json (docs/edge.md, ACME); where its key leaked, have the authority revoke the old one"
            )
        if tls == TlsMode.FILES.value:
            return (
                f"it is given (proxy.certificate, secrets.tlsKey). Set both in Pulumi.{self._stack.name}.yaml"
                " (docs/operations.md has the command), then `make up`; connections that begin in the second the pair"
                " changes are refused. The old one is believed until it expires or its authority revokes it"
            )
        return None

    def _tell_repository(self) -> None:
        """The next backup would do the same; the other password of the two may change only after it."""
        for container in containers(self._label, f"{SERVICE_LABEL}=backup"):
            done = docker("exec", container["Id"], *DRIVER, "admit", check=False)
            if done.returncode != 0:
                raise Problem(f"the repository did not take its new password: {last_line(done.stderr or done.stdout)}")
            return
        raise Problem("no container backup runs, which would tell the repository: `make up` starts it")


def _made(state: StackState, secret: Rotatable) -> datetime.datetime | None:
    """Return when the oldest part of a generated secret was made; `None` when there is none."""
    found = state.ending([name for step in secret.steps for name in step])
    dates = [datetime.datetime.fromisoformat(resource["created"]) for resource in found if resource.get("created")]
    return min(dates) if dates else None
