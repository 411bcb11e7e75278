"""Everything that can be known to fail before anything is changed."""

import datetime
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from components.core.engine import DockerEngine
from components.settings import TlsMode
from components.settings.references import repository_of, split_registry
from components.settings.sections.own_certificate import out_of_date

from ..console import Problem, info
from ..plan import Plan, StackProgram
from ..plan.view import BUILT, CONTAINER, PULLED, VOLUME, base_images, pushed_by_digest
from .docker import containers, docker, image_id, last_line

_DISK_GIB = int(os.environ.get("SLIDEGENIE_DISK_GIB", "4"))
"""What images, volumes and a rollout's second set of containers need at least."""
_FULL = "no space left on device"
_UNREACHABLE = ("dial tcp", "no such host", "timeout", "connection refused", "tls:", "proxyconnect", "EOF", "x509")


class RegistryUnreachableError(Problem):
    """No image registry that was asked answers from this machine."""


def check_host(plan: Plan) -> None:
    """Check disk and ports.

    Raises:
        Problem: for the first check that fails.
    """
    _check_disk()
    _check_ports(plan)
    engine = DockerEngine.of()
    if not engine.local:
        info(f"the engine is on {engine.host}: its disk, its ports and the folders of its data are not looked at")


def check_certificate(program: StackProgram) -> None:
    """Check that the certificate which is given is not out of date.

    Raises:
        Problem: when it is.
    """
    if not program.section("proxy"):
        return
    proxy = program.settings.proxy
    given = proxy.certificate if proxy.tls is TlsMode.FILES else None
    if given and (why := out_of_date(given, datetime.datetime.now(datetime.UTC))):
        raise Problem(why)


def needed_images(plan: Plan) -> list[str]:
    """Return the images that must be there before the platform can start, without those it builds itself."""
    builds = plan.of_type(BUILT)
    built = {tag for build in builds for tag in build.inputs.get("tags", [])}
    based_on = {base for build in builds for base in base_images(build.inputs.get("buildArgs"))}
    pulled = {image.inputs["name"] for image in plan.of_type(PULLED)}
    # What this very rollout pushes is not there before it.
    pushed = {repository for build in builds for repository in pushed_by_digest(build.inputs)}
    return sorted(image for image in (based_on | pulled) - built if repository_of(image) not in pushed)


def pull_images(plan: Plan, *, newest: bool = False) -> Iterator[str]:
    """Pull what is missing, before anything is replaced; yield each such image once it is there: the next may fail.

    `newest` pulls what there is, too: its name may mean a newer image by now.

    Raises:
        RegistryUnreachableError: when no registry answers.
        Problem: when one image cannot be pulled.
    """
    answered = False
    silent: dict[str, str] = {}
    for image in needed_images(plan):
        there = bool(image_id(image))
        if _registry(image) in silent or (there and not (newest and _has_a_registry(image))):
            continue
        info(f"pulling {image}")
        done = docker("pull", "--quiet", image, check=False)
        if done.returncode == 0:
            answered = True
            if not there:
                yield image
            continue
        reason = last_line(done.stderr)
        if _FULL in reason:
            raise _too_small(reason)
        # Whether none answers or this one alone is a difference: another one may have to be asked.
        if any(mark.lower() in reason.lower() for mark in _UNREACHABLE):
            silent[_registry(image)] = f"{image} cannot be pulled, its registry does not answer: {reason}"
            continue
        raise Problem(
            f"{image} cannot be pulled: {reason}; check its name and tag under `images` in Pulumi.{plan.stack}.yaml,"
            " and `docker login` where the registry wants one"
        )
    if silent:
        raise (Problem if answered else RegistryUnreachableError)("\n".join(silent.values()))


def _has_a_registry(image: str) -> bool:
    """Tell whether an image that is there came from a registry; one that was made here can be had from none."""
    return docker("image", "inspect", "--format", "{{len .RepoDigests}}", image).stdout.strip() != "0"


def _registry(image: str) -> str:
    """Return the host that an image comes from, as Docker reads its name."""
    return split_registry(image)[0]


def _check_disk() -> None:
    root = docker("info", "--format", "{{.DockerRootDir}}").stdout.strip()
    if not DockerEngine.of().local or not Path(root).is_dir():
        return  # nobody here knows that machine's disk, nor that of a virtual one
    free = shutil.disk_usage(root).free / 2**30
    if free < _DISK_GIB:
        raise _too_small(f"{free:.1f} GiB free at {root}, {_DISK_GIB} GiB needed")


def _too_small(why: str) -> Problem:
    return Problem(f"the disk is too small for the images: {why}; `docker system df` shows what could go")


def _check_ports(plan: Plan) -> None:
    own = {
        int(binding["HostPort"])
        for container in containers(plan.label)
        for bindings in (container["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or []
    }
    if DockerEngine.of().local:
        for address, port in _published(plan):
            if port not in own:
                _check_port(address, port, plan.stack)


def _check_port(address: str, port: int, stack: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            # The engine may bind what this user may not: then only who answers there says that it is taken.
            if probe.connect_ex((address, port)) != 0:
                return
            why = "something answers there"
        except OSError as error:
            why = str(error.strerror)
        else:
            return
    raise Problem(
        f"port {port} on {address} is taken ({why}): stop what holds it"
        f" (`ss -ltnp 'sport = :{port}'` shows it) or set another in Pulumi.{stack}.yaml (`proxy`, `monitoring.ports`)"
    )


def _published(plan: Plan) -> Iterator[tuple[str, int]]:
    for container in plan.of_type(CONTAINER):
        for port in container.inputs.get("ports") or []:
            yield port["ip"], port["external"]


def prepare_folders(plan: Plan) -> None:
    """Make the folders of data volumes that live on the host; Docker does not make the folder of a bound volume.

    Raises:
        Problem: with the command to run, when this user may not make them.
    """
    folders = [
        Path(volume.inputs["driverOpts"]["device"])
        for volume in plan.of_type(VOLUME)
        if volume.inputs.get("driverOpts")
    ]
    missing = [folder for folder in folders if not folder.is_dir()]
    if not missing or not DockerEngine.of().local:
        return
    try:
        for folder in missing:
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, 1000, 1000)
            folder.chmod(0o750)
            info(f"made {folder}, owned by 1000:1000")
    except PermissionError:
        raise Problem(
            f"the data folders are missing: run `sudo install -d -o 1000 -g 1000 -m 0750 {' '.join(map(str, missing))}`"
        ) from None
