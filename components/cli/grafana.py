"""Tell Grafana its password."""

from collections.abc import Container

from ..identity import SERVICE_LABEL
from .console import Problem
from .docker import containers, docker, last_line

_TELL = "exec grafana cli admin reset-admin-password --password-from-stdin </run/secrets/admin-password"


def tell_grafana(label: str, known: Container[str]) -> None:
    """Give user `admin` the password in Grafana's file, where its container is not among the `known` ones.

    Grafana reads the file only when it makes its database, and a new password makes a new container.

    Raises:
        Problem: when Grafana does not take it.
    """
    for container in containers(label, f"{SERVICE_LABEL}=grafana"):
        if container["Id"] in known:
            continue
        done = docker("exec", container["Id"], "sh", "-c", _TELL, check=False)
        if done.returncode != 0:
            raise Problem(f"Grafana did not take its password: {last_line(done.stderr or done.stdout)}")
