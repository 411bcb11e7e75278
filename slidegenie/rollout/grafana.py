"""Tell Grafana its password."""

from components.core.labels import SERVICE_LABEL

from ..console import Problem
from ..engine.docker import containers, docker, last_line

_PASSWORD = "/run/secrets/admin-password"  # noqa: S105 - a path
_TOLD = "/var/lib/grafana/admin-password.sha256"
"""In its volume: of the password it was last told."""
_TELL = """\
now=$(sha256sum <"$1") || exit
[ "$now" = "$(cat "$2" 2>/dev/null)" ] && exit
grafana cli admin reset-admin-password --password-from-stdin <"$1" && echo "$now" >"$2"
"""
"""A shell script; its arguments are these two files."""


def give_grafana_its_password(label: str) -> None:
    """Give user `admin` the password in Grafana's file, unless it was told that one before.

    Grafana itself reads the file only when it makes its database.

    Raises:
        Problem: when Grafana does not take it.
    """
    for container in containers(label, f"{SERVICE_LABEL}=grafana"):
        done = docker("exec", container["Id"], "sh", "-c", _TELL, "sh", _PASSWORD, _TOLD, check=False)
        if done.returncode != 0:
            raise Problem(f"Grafana did not take its password: {last_line(done.stderr or done.stdout)}")
