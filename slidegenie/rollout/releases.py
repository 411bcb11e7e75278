"""The releases that a stack keeps of itself: which there are, and going back to one of them."""

from collections.abc import Sequence

from components.containers.found import FoundContainer
from components.core.engine import DockerEngine
from components.releases import Release, Releases
from components.releases.kept_images import is_there
from components.releases.model import Schema, refusal
from components.releases.what_runs import APPLICATION, MIGRATIONS, image_of, schema_on

from ..console import Problem, info
from ..engine.docker import containers
from ..pulumi.stack import PulumiStack
from .rollout import roll_out


def releases_of(stack: PulumiStack) -> Releases:
    """Return what the last good update of the stack put into its outputs."""
    return Releases.of(stack.outputs().get("releases"))


def listed(stack: PulumiStack) -> list[str]:
    """Return the releases as lines for a person, newest first.

    Raises:
        Problem: when there is none.
    """
    releases, found = releases_of(stack), _found(stack)
    if not releases.known:
        raise Problem(f"stack {stack.name} has no release yet: each `make up` or `pulumi up` that succeeds is one")
    schema = _schema(releases, found)
    lines = [_HEAD, *(_line(release, releases, schema) for release in reversed(releases.known))]
    if _is_broken(stack, releases, found):
        lines.append("a rollout began after it and did not succeed: `make rollback` goes back to what runs (*)")
    return lines


def rollback(stack: PulumiStack, *, force: bool) -> Release:
    """Bring back the release before this one, or the last good one if a rollout is broken.

    Raises:
        Problem: when there is none, when the database cannot go back, or when the rollout failed.
    """
    releases, found = releases_of(stack), _found(stack)
    target = releases.running() if _is_broken(stack, releases, found) else releases.before()
    if target is None:
        raise Problem(f"stack {stack.name} has no good release to go back to; `make releases` lists what there is")
    # The program refuses the same: here it takes no rollout to say so.
    if (why := refusal(target, _schema(releases, found))) and not force:
        raise Problem(f"cannot go back to {target.version} (no. {target.number}); nothing was changed: {why}")
    if target.on_engine and not is_there(DockerEngine(), target.image):
        raise Problem(
            f"the image of {target.version} (no. {target.number}) is no longer on this engine; nothing was changed."
            " Check out its commit and `make up`"
        )
    info(f"going back to {target.version} (no. {target.number}, up since {target.at})")
    stack.open(rollback=target.number, unchecked=force)
    roll_out(stack)
    return target


_HEAD = f"{'':<2}{'no.':<5}{'version':<20}{'commit':<28}{'up since (UTC)':<21}can go back to it"


def _line(release: Release, releases: Releases, schema: Schema | None) -> str:
    runs = release.number == releases.current
    why = refusal(release, schema)
    verdict = "abandoned" if release.abandoned else "runs" if runs else "no" if why else "yes"
    at = release.at.removesuffix("+00:00").replace("T", " ")
    mark = "*" if runs else ""
    return f"{mark:<2}{release.number:<5}{release.version:<20}{release.revision[:26]:<28}{at:<21}{verdict}"


def _is_broken(stack: PulumiStack, releases: Releases, found: Sequence[FoundContainer]) -> bool:
    """Tell whether a rollout began after the release that serves, and has not succeeded."""
    serving = releases.running()
    others = {image_of(c) for c in found if serving and c.service in (APPLICATION, MIGRATIONS)} - {
        serving.image if serving else ""
    }
    # One that was killed is in no history.
    return bool(others) or not stack.last_update_succeeded() or stack.state().unfinished


def _schema(releases: Releases, found: Sequence[FoundContainer]) -> Schema | None:
    """Return what the migrations that ran last said, of a rollout that broke afterwards too."""
    return releases.schema(schema_on(DockerEngine(), found))


def _found(stack: PulumiStack) -> list[FoundContainer]:
    return [FoundContainer(container) for container in containers(stack.label, everything=True)]
