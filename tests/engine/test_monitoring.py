"""The monitoring on a real engine: it sees everything there is, and tells somebody when something breaks."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ..support.client import PRESENTATIONS, make, trusting
from ..support.faults import kill_main_process
from ..support.hardening import violations
from ..support.prometheus import (
    MONITORING,
    OF_CADVISOR,
    OF_TEXTFILES,
    Prometheus,
    Query,
    alertmanager_for_everybody,
    cadvisor_image,
    has_cadvisor,
    queries,
)
from ..support.waiting import until
from ..support.webhook import gateway, receiver
from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

_FIRST_PORT = 28380
_PROMETHEUS, _ALERTMANAGER, _NODE, _WEBHOOK = 28390, 28391, 28392, 28393
_SCRAPE_SECONDS = 5
_TEXTFILE = """\
slidegenie_backup_last_success_timestamp_seconds{what="postgres"} 0
slidegenie_backup_success 0
slidegenie_backup_check_success 0
slidegenie_backup_data_check_success 0
slidegenie_backup_unread_files 1
slidegenie_backup_interval_seconds 86400
slidegenie_backup_retention_success 0
slidegenie_backup_last_start_timestamp_seconds 0
slidegenie_backup_last_end_timestamp_seconds 0
slidegenie_backup_scheduled_since_timestamp_seconds 0
slidegenie_restore_drill_last_success_timestamp_seconds 0
slidegenie_restore_drill_success 0
slidegenie_restore_drill_interval_seconds 604800
slidegenie_restore_drill_scheduled_since_timestamp_seconds 0
slidegenie_scan_timestamp_seconds{image="backend"} 0
slidegenie_scan_findings{image="backend",severity="CRITICAL"} 1
slidegenie_image_verified{image="backend"} 0
slidegenie_image_signature{image="backend",state="failed"} 1
slidegenie_policy_violations{container="app"} 1
slidegenie_maintenance_last_success_timestamp_seconds{task="scan"} 0
slidegenie_maintenance_scheduled_timestamp_seconds{task="scan"} 0
slidegenie_maintenance_interval_seconds{task="scan"} 86400
slidegenie_image_created_timestamp_seconds{image="backend"} 0
slidegenie_image_outdated{image="backend"} 1
"""
_ONLY_IN_TROUBLE = frozenset({"minio_s3_requests_5xx_errors_total"})
"""MinIO shows this only once there was one."""
_ONLY_WHERE_THERE_IS_ONE = frozenset(
    {
        "node_edac_correctable_errors_total",
        "node_edac_uncorrectable_errors_total",
        "node_md_disks",
        "node_md_disks_required",
        "pg_replication_slot_slot_is_active",
    }
)
"""Memory that corrects its errors, a RAID of the kernel, a replication slot: few machines have one."""
_STORES = {"overlay2": "overlay2", "overlayfs": "containerd"}
"""How cAdvisor tells containers apart, by the engine's driver."""


@pytest.fixture(scope="module")
def cadvisor() -> bool:
    """Whether there is an image of cAdvisor here."""
    return has_cadvisor()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, *, cadvisor: bool) -> Iterator[Workspace]:
    """A platform with its monitoring, on stand-in images: everything but Grafana, and cAdvisor where it is there."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    stack = Workspace.make(tmp_path_factory.mktemp("monitored"), "monitored", "compose", _FIRST_PORT)
    ports = {"prometheus": _PROMETHEUS, "alertmanager": _ALERTMANAGER, "nodeExporter": _NODE}
    stack.configure("monitoring", enabled=True, scrapeSeconds=_SCRAPE_SECONDS, ports=ports)
    if cadvisor:
        store = _STORES[docker("info", "--format", "{{.Driver}}").strip()]
        stack.configure("monitoring", cadvisor=True, imageStore=store)
    url = f"http://{gateway()}:{_WEBHOOK}"
    stack.configure("secrets", alertWebhookUrl=f"{url}/alert", deadmanUrl=f"{url}/deadman")
    stack.configure("proxy", rateLimit={"requestsPerSecond": 10, "burst": 40})
    stack.destroy()
    up = stack.run("up")
    assert up.code == 0, up.text
    yield stack
    stack.destroy()


@pytest.fixture(scope="module")
def prometheus(watched: Workspace, *, cadvisor: bool) -> Prometheus:
    """The running Prometheus, after some use of the product."""
    asked = Prometheus(_PROMETHEUS)
    until(lambda: _health_of(asked) == {"up"}, "every target is up", 60)
    if cadvisor:
        # It is read every half a minute, and a rate takes two readings.
        until(lambda: bool(asked.ask("container:cpu_utilisation:ratio_rate5m")), "cAdvisor was read twice", 180)
    volume = docker(
        "volume", "ls", "--quiet", "--filter", f"label=io.slidegenie.stack={watched.label}",
        "--filter", "label=io.slidegenie.data=metrics",
    ).strip()  # fmt: skip
    write = f"cat > /metrics/.new <<'END'\n{_TEXTFILE}END\nmv /metrics/.new /metrics/test.prom"
    base = "slidegenie-airgap/debian:bookworm-slim"
    docker("run", "--rm", "--user", "1000:1000", "--volume", f"{volume}:/metrics", base, "sh", "-c", write)
    # As if ten minutes had gone by: every kind of request, some refused, over more than one window of a rate.
    with trusting(watched.url, watched.token) as client:
        for turn in range(12):
            made = [make(client, f"Use {turn}") for _ in range(4)]
            client.get(PRESENTATIONS)
            client.get(f"{PRESENTATIONS}/{made[0]['id']}/download")
            client.delete(f"{PRESENTATIONS}/{made[1]['id']}")
            client.get(f"{PRESENTATIONS}/00000000-0000-0000-0000-000000000000")
            client.post(PRESENTATIONS, json={"title": ""})
            # One reading of every target, so that rates have something to be a rate of.
            time.sleep(_SCRAPE_SECONDS)
    return asked


def _health_of(prometheus: Prometheus) -> set[str]:
    return {health for found in prometheus.targets().values() for health in found}


def _needs_cadvisor(query: Query, *, there: bool) -> None:
    if OF_CADVISOR.search(query.text) and not there:
        pytest.skip(f"needs cAdvisor: the engine has no {cadvisor_image()}; its names are checked in the unit tests")


def test_every_target_is_up_and_replicas_are_found_one_by_one(prometheus: Prometheus, *, cadvisor: bool) -> None:
    assert prometheus.targets() == {
        "alertmanager": ["up"],
        "app": ["up", "up"],
        "minio": ["up"],
        "minio-drives": ["up"],
        "node": ["up"],
        "postgres": ["up"],
        "prometheus": ["up"],
        "redis": ["up"],
        "traefik": ["up"],
    } | ({"cadvisor": ["up"]} if cadvisor else {})


@pytest.mark.parametrize("query", [q for q in queries() if ".json" in q.where], ids=lambda query: query.where)
def test_every_panel_shows_something(prometheus: Prometheus, query: Query, *, cadvisor: bool) -> None:
    """Asked first, while the use of the product is within the five minutes that some of them look at."""
    _needs_cadvisor(query, there=cadvisor)
    if query.where.endswith(": Releases"):
        pytest.skip("is there for five minutes after a rollout only")
    assert prometheus.ask(query.runnable)


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_every_query_finds_what_it_asks_for(prometheus: Prometheus, query: Query, *, cadvisor: bool) -> None:
    """An alert's query gives nothing while all is well: what it is made of must be there."""
    _needs_cadvisor(query, there=cadvisor)
    prometheus.ask(query.runnable)
    for vector in query.vectors:
        if vector not in _ONLY_IN_TROUBLE | _ONLY_WHERE_THERE_IS_ONE:
            assert prometheus.ask(vector), f"{query.where}: there is no {vector}"


def test_no_rule_fails_and_every_one_was_evaluated(prometheus: Prometheus, *, cadvisor: bool) -> None:
    known = prometheus.rules()
    assert [rule["name"] for rule in known if rule["health"] != "ok"] == []
    assert any(OF_CADVISOR.search(rule["query"]) for rule in known) == cadvisor


def test_every_statistic_of_postgresql_can_be_read(prometheus: Prometheus) -> None:
    """With the rights its role has, and this PostgreSQL: one that fails takes its alerts along."""
    assert [found["metric"] for found in prometheus.ask("pg_scrape_collector_success == 0")] == []
    assert prometheus.ask('pg_scrape_collector_success{collector="database_wraparound"} == 1')


def test_of_the_other_endpoint_of_the_storage_only_the_errors_of_its_disk_are_kept(prometheus: Prometheus) -> None:
    """The rest is read with the figures of the whole already."""
    kept = {found["metric"]["__name__"] for found in prometheus.ask('{job="minio-drives", __name__=~"minio_.*"}')}
    assert kept == {
        "minio_node_drive_errors_availability",
        "minio_node_drive_errors_ioerror",
        "minio_node_drive_errors_timeout",
    }


def test_who_is_turned_away_by_the_limit_is_counted(watched: Workspace, prometheus: Prometheus) -> None:
    """The limit is in front of every service, so no service knows of it."""
    refused = 'traefik_router_requests_total{service="app@docker", code="429"}'
    with trusting(watched.url) as client, ThreadPoolExecutor(16) as pool:

        def answers() -> set[int]:
            return {answer.status_code for answer in pool.map(client.get, ["/health/live"] * 200)}

        until(lambda: httpx.codes.TOO_MANY_REQUESTS in answers(), "the limit is met", 60)
    until(lambda: bool(prometheus.ask(refused)), "it is counted", 30)
    assert not prometheus.ask('traefik_service_requests_total{service="app@docker", code="429"}')
    assert prometheus.ask("slo:availability_errors:ratio_rate5m")[0]["value"][1] == "0", "it is no error of ours"


def test_text_files_of_others_become_alerts(prometheus: Prometheus) -> None:
    pending = {r["metric"]["alertname"] for r in prometheus.ask("ALERTS")}
    assert {"BackupTooOld", "RestoreDrillTooOld", "ScanTooOld", "CriticalFinding", "PolicyViolated"} <= pending
    assert {"MaintenanceOverdue", "ImageOutdated"} <= pending
    assert OF_TEXTFILES.search(_TEXTFILE)


def test_the_monitoring_is_as_locked_up_as_the_rest(watched: Workspace) -> None:
    assert [line for container in watched.containers() for line in violations(container)] == []


def test_the_exporters_may_read_statistics_only(watched: Workspace) -> None:
    database = watched.containers("postgres")[0]["Id"]
    roles = "select rolsuper, rolcreaterole, rolconnlimit from pg_roles where rolname = 'monitor'"
    answer = docker("exec", database, "psql", "-h", "/var/run/postgresql", "-U", "slidegenie", "-Atc", roles)
    assert answer.strip() == "f|f|5"
    cache = watched.containers("redis")[0]["Id"]
    login = ["redis-cli", "--user", "monitor", "--pass", "monitor", "--no-auth-warning"]
    assert "redis_version" in docker("exec", cache, *login, "info", "server")
    for command in (["get", "x"], ["keys", "*"], ["config", "get", "*"], ["acl", "list"]):
        assert "NOPERM" in docker("exec", cache, *login, *command)


def test_a_stopped_database_reaches_somebody_and_so_does_its_return(watched: Workspace, prometheus: Prometheus) -> None:
    with receiver(_WEBHOOK) as pager:
        database = watched.containers("postgres")[0]["Id"]
        docker("stop", database)
        try:
            # The rule's own minute, and two more at most.
            until(lambda: bool(pager.alerts("PostgresDown", "firing")), "PostgresDown arrives", 180)
            # Told once: the application's alert about the same thing is held back.
            until(lambda: _states("DependencyDown") == {"suppressed"}, "DependencyDown is inhibited", 60)
        finally:
            docker("start", database)
        fired = pager.alerts("PostgresDown", "firing")[0]
        assert fired["labels"]["severity"] == "critical"
        assert fired["labels"]["stack"] == watched.label
        assert "runbook_link" not in fired["labels"]
        assert fired["annotations"]["runbook_url"] == "monitoring/RUNBOOK.md#postgresdown"
        until(lambda: bool(pager.alerts("PostgresDown", "resolved")), "PostgresDown is resolved", 300)
        until(lambda: bool(pager.messages("/deadman")), "the dead-man's switch is pressed", 90)
        assert {m["alerts"][0]["labels"]["alertname"] for m in pager.messages("/deadman")} == {"Watchdog"}
    assert prometheus.ask("pg_up")[0]["value"][1] == "1"


def _states(alert: str) -> set[str]:
    """Return what the Alertmanager does with the alerts of that name."""
    alerts = httpx.get(f"http://127.0.0.1:{_ALERTMANAGER}/api/v2/alerts").json()
    return {found["status"]["state"] for found in alerts if found["labels"]["alertname"] == alert}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may kill the processes of containers")
@pytest.mark.parametrize(
    "service", ["prometheus", "alertmanager", "node-exporter", "postgres-exporter", "redis-exporter"]
)
def test_what_watches_is_back_when_its_main_process_is_killed(
    watched: Workspace, prometheus: Prometheus, service: str
) -> None:
    kill_main_process(watched, service)
    until(lambda: _health_of(prometheus) == {"up"}, "every target is up again", 60)


def test_a_rollout_leaves_no_dead_target(watched: Workspace, prometheus: Prometheus) -> None:
    watched.configure("backend", release="2.0.0")
    up = watched.run("up")
    assert up.code == 0, up.text
    until(lambda: prometheus.targets()["app"] == ["up", "up"], "only the new replicas are targets", 30)
    until(
        lambda: {r["metric"]["release"] for r in prometheus.ask("slidegenie_build_info")} == {"2.0.0"},
        "only the new release is seen",
        60,
    )


def test_development_ports_answer_and_lead_to_one_service_each(watched: Workspace, prometheus: Prometheus) -> None:
    assert prometheus.ask("vector(1)")
    assert watched.containers("prometheus")[0]["HostConfig"]["PortBindings"] in (None, {})
    assert httpx.get(f"http://127.0.0.1:{_ALERTMANAGER}/-/ready").status_code == httpx.codes.OK
    assert "node_memory_MemTotal_bytes" in httpx.get(f"http://127.0.0.1:{_NODE}/metrics").text


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("prometheus:v3.16.0", "promtool check config prometheus.yml"),
        ("prometheus:v3.16.0", "promtool check rules --lint=all rules/*.yml"),
        ("prometheus:v3.16.0", "promtool test rules tests/*.test.yml"),
        ("alertmanager:v0.28.1", "amtool check-config alertmanager.yml all-receivers.yml"),
    ],
    ids=["config", "rules", "tests of the rules", "alertmanager"],
)
def test_the_checkers_find_nothing(watched: Workspace, image: str, command: str) -> None:
    monitoring = watched.root / MONITORING.name
    (monitoring / "all-receivers.yml").write_text(alertmanager_for_everybody(), encoding="utf-8")
    folder = ["--volume", f"{monitoring}:/monitoring:ro", "--workdir", "/monitoring"]
    docker(
        "run", "--rm", "--network", "none", *folder, "--entrypoint", "sh", f"slidegenie-airgap/{image}", "-c", command
    )
