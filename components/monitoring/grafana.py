"""Grafana: provisioned, behind the edge, and with one user whose password is generated."""

import re

import pulumi

from ..containers import FilesMount, Server, ServerArgs, VolumeMount
from ..containers.foundation import Zone
from ..containers.parts import Parts
from ..containers.secrets import given_or_generated
from ..containers.volumes import PreparedVolume
from ..core.labels import compose_project
from ..settings import reveal
from . import config
from .args import MonitoringArgs
from .exporters import http_health

PORT = 3000
PATH = "/grafana"
_PASSWORD = "admin-password"  # noqa: S105 - name of a file
_START = f"""\
if [ -e /var/lib/grafana/grafana.db ]; then
  grafana cli admin reset-admin-password --password-from-stdin </run/secrets/{_PASSWORD}
fi
exec /run.sh
"""
"""Grafana itself reads the file with its password only when it makes its database: after that it is told, and does not
start with the one of before."""
_EXPANDED = re.compile(r"\$(__\w+)?\{[^}]+\}")
"""What Grafana replaces in whatever it is told, a password as well: `${NAME}`, `$__env{NAME}`, `$__file{path}`."""


def grafana(name: str, args: MonitoringArgs, url: str, parent: pulumi.Resource) -> PreparedVolume:
    """Run Grafana with the platform's datasource and dashboards, which nobody changes by hand; return its data."""
    child = pulumi.ResourceOptions(parent=parent)
    parts = Parts(name=name, foundation=args.foundation, parent=parent, images=args.images, data_root=args.data_root)
    data = parts.data("grafana")
    given = reveal(args.secrets.grafana_password)
    if given is not None and _EXPANDED.search(given):
        raise ValueError("secrets.grafanaPassword must be without ${...}, which Grafana takes for a variable's name")
    password = given_or_generated(f"{name}-password", given, parent=parent)
    provisioning = "/etc/grafana/provisioning"
    boards = config.dashboards(args.settings, args.additions, pulumi.get_stack(), compose_project())
    provider = config.text("grafana", "dashboards.yml")
    mounts = {
        f"{provisioning}/datasources": parts.files("datasources", {"datasource.yml": config.datasource(args.settings)}),
        f"{provisioning}/dashboards": parts.files("provider", {"dashboards.yml": provider}),
        "/etc/grafana/dashboards": parts.files("dashboards", boards),
        "/run/secrets": parts.files("secrets", {_PASSWORD: password}),
    }
    Server(
        name,
        ServerArgs(
            foundation=args.foundation,
            service="grafana",
            image=parts.pulled(args.images.grafana),
            zones=[Zone.MONITORING],
            limits=args.settings.grafana_limits,
            entrypoint=["sh", "-ec", _START],
            environment=_environment(url),
            files=[FilesMount(files=content, path=path) for path, content in mounts.items()],
            volumes=[VolumeMount(volume=data, path="/var/lib/grafana")],
            tmpfs_mib={"/tmp": 64},  # noqa: S108 - a folder of the container
            health=http_health(PORT, f"{PATH}/api/health"),
            # The first start makes its database.
            start_seconds=180,
            grace_seconds=30,
        ),
        opts=child,
    )
    # Grafana asks nobody who reads its metrics.
    args.proxy.forward("grafana", PORT, path=PATH, hidden_paths=["/metrics"], parent=parent)
    return data


def _environment(url: str) -> dict[str, str]:
    return {
        "GF_SERVER_ROOT_URL": f"{url}{PATH}/",
        "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
        "GF_SECURITY_ADMIN_PASSWORD__FILE": f"/run/secrets/{_PASSWORD}",
        "GF_SECURITY_COOKIE_SECURE": "true",
        "GF_SECURITY_COOKIE_SAMESITE": "strict",
        "GF_SECURITY_STRICT_TRANSPORT_SECURITY": "true",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_USERS_DEFAULT_THEME": "system",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": "/etc/grafana/dashboards/application-performance.json",
        # Nothing phones home, and nothing is fetched when it starts.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
        "GF_LOG_MODE": "console",
    }
