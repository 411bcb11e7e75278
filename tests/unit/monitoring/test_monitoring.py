"""The monitoring as a component: what runs, what it is told, and who is told."""

import json
from typing import Any

import pytest
import yaml

from components import (
    Additions,
    Foundation,
    FoundationArgs,
    Monitoring,
    MonitoringArgs,
    Proxy,
    ProxyArgs,
    ScrapeTarget,
    SlideGeniePlatform,
    SlideGeniePlatformArgs,
    parse_settings,
)
from components.monitoring.config import has_receiver
from components.settings import Email, EngineSettings, MonitoringSettings, SettingsError
from slidegenie.plan import Plan

from ...support.prometheus import cadvisor_image, runbook_url
from ..planned import (
    application,
    as_it_comes,
    environment,
    files_in,
    labels,
    plain,
    platform,
    recorded,
    seeds,
    service,
    workloads,
)
from ..plans import ROOT

_ALL = {
    "prometheus", "alertmanager", "grafana", "cadvisor", "node-exporter", "postgres-exporter", "redis-exporter",
}  # fmt: skip


def running(plan: Plan) -> set[str]:
    """Return which services of the monitoring run."""
    return {service(container) for container in workloads(plan)} & _ALL


def file(plan: Plan, files: str, name: str) -> Any:
    """Return a YAML file of the monitoring."""
    return yaml.safe_load(files_in(plan, f"slidegenie-monitoring-{files}")[name])


def jobs(plan: Plan) -> dict[str, Any]:
    """Return what Prometheus scrapes, by job."""
    config = file(plan, "prometheus-config", "prometheus.yml")
    return {job["job_name"]: job for job in config["scrape_configs"]}


def command(plan: Plan, name: str) -> list[str]:
    """Return the command of a service."""
    return list(plan.named(f"slidegenie-monitoring-{name}-1").inputs["command"])


def test_all_of_it_runs_by_itself_and_is_scraped() -> None:
    plan = as_it_comes()

    assert running(plan) == _ALL
    assert list(jobs(plan)) == [
        "app", "traefik", "postgres", "redis", "minio", "minio-drives", "node", "cadvisor", "grafana", "alertmanager",
        "prometheus",
    ]  # fmt: skip


def test_it_can_be_turned_off_without_a_trace() -> None:
    plan = application(monitoring={"enabled": False, "ports": {"prometheus": 9090}})

    assert running(plan) == set()
    assert [resource.name for resource in plan.resources if "monitoring-" in resource.name] == []
    assert {port["external"] for port in plan.named("slidegenie-traefik-1").inputs["ports"]} == {80, 443}


def test_what_does_not_run_is_neither_scraped_nor_in_the_rules() -> None:
    plan = platform(
        monitoring={"grafana": False, "cadvisor": False},
        redis={"external": {"host": "cache.example.com"}},
        secrets={"redisPassword": "given"},
    )

    assert running(plan) == {"prometheus", "alertmanager", "node-exporter", "postgres-exporter"}
    assert set(jobs(plan)) == {
        "app",
        "traefik",
        "postgres",
        "minio",
        "minio-drives",
        "node",
        "alertmanager",
        "prometheus",
    }
    rules = set(files_in(plan, "slidegenie-monitoring-prometheus-rules"))
    assert not rules & {"cadvisor.yml", "redis.yml"}
    assert {"app.yml", "postgres.yml", "backups.yml", "security.yml"} <= rules


def test_replicas_are_found_by_the_engines_dns() -> None:
    assert jobs(as_it_comes())["app"]["dns_sd_configs"] == [
        {"names": ["app"], "type": "A", "port": 8000, "refresh_interval": "5s"}
    ]


def test_the_application_is_scraped_on_the_port_it_listens_on() -> None:
    assert jobs(application(monitoring={}, backend={"port": 3000}))["app"]["dns_sd_configs"][0]["port"] == 3000


def test_only_containers_of_this_stack_are_kept() -> None:
    relabel = jobs(as_it_comes())["cadvisor"]["metric_relabel_configs"]

    assert relabel[0]["replacement"] == "slidegenie/test"
    assert (relabel[1]["action"], relabel[1]["target_label"]) == ("keepequal", relabel[0]["target_label"])


def test_times_and_sizes_are_those_of_the_settings() -> None:
    plan = application(monitoring={"scrapeSeconds": 5, "retentionDays": 3, "retentionMib": 512})
    config = file(plan, "prometheus-config", "prometheus.yml")

    assert config["global"] == {
        "scrape_interval": "5s",
        "scrape_timeout": "5s",
        "evaluation_interval": "5s",
        "external_labels": {
            "stack": "slidegenie/test",
            "runbook_link": "https://localhost/grafana/d/runbook?viewPanel=%[1]d",
        },
    }
    assert config["alerting"]["alert_relabel_configs"] == [{"regex": "runbook_link", "action": "labeldrop"}]
    assert config["storage"]["tsdb"]["retention"] == {"time": "3d", "size": "512MB"}


def test_in_production_grafana_alone_is_led_to_and_asks_for_a_password(plans: dict[str, Plan]) -> None:
    routes = {seed.name for seed in seeds(plans["prod"]) if "route-" in seed.name}
    grafana = plans["prod"].named("slidegenie-monitoring-grafana-1")
    settings = environment(grafana)

    assert routes == {"slidegenie-traefik-route-app", "slidegenie-traefik-route-grafana"}
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/admin-password"
    assert settings["GF_SERVER_ROOT_URL"] == "https://slidegenie.example.com/grafana/"
    assert len(files_in(plans["prod"], "slidegenie-monitoring-grafana-secrets")["admin-password"]) == 40


def test_development_publishes_the_documented_ports_on_this_machine(plans: dict[str, Plan]) -> None:
    ports = plans["dev"].named("slidegenie-traefik-1").inputs["ports"]

    assert {port["external"] for port in ports} >= {3000, 9090, 9093, 9100, 8081}
    assert {port["ip"] for port in ports} == {"127.0.0.1"}


def test_without_a_receiver_the_alertmanager_has_no_way_out() -> None:
    quiet = as_it_comes()
    loud = application(monitoring={}, secrets={"alertWebhookUrl": "https://example.com/hook"})
    zones = [
        {network["name"] for network in plan.named("slidegenie-monitoring-alertmanager-1").inputs["networksAdvanced"]}
        for plan in (quiet, loud)
    ]

    assert zones == [
        {"slidegenie-monitoring-test"},
        {"slidegenie-monitoring-test", "slidegenie-application-test"},
    ]


def test_a_secret_alone_is_no_receiver() -> None:
    mail = Email(to="a@x.org", sender="b@x.org", smarthost="mx.x.org:587")

    assert not has_receiver(MonitoringSettings(), {"slack-url": "given", "smtp-password": "given"})
    assert has_receiver(MonitoringSettings(slack_channel="#alerts"), {"slack-url": "given"})
    assert has_receiver(MonitoringSettings(email=mail), {})
    assert has_receiver(MonitoringSettings(), {"deadman-url": "given"})


def test_receivers_find_their_secrets_in_files() -> None:
    plan = application(
        monitoring={
            "slackChannel": "#alerts",
            "email": {"to": "a@x.org", "sender": "b@x.org", "smarthost": "mx.x.org:587", "username": "b"},
        },
        secrets={
            "slackUrl": "https://hooks.example.com/1",
            "smtpPassword": "mail-word",
            "alertWebhookUrl": "https://hooks.example.com/2",
            "deadmanUrl": "https://hooks.example.com/3",
        },
    )
    people, deadman = file(plan, "alertmanager-config", "alertmanager.yml")["receivers"]

    assert people["webhook_configs"] == [{"url_file": "/run/secrets/alert-webhook-url", "send_resolved": True}]
    assert people["slack_configs"][0]["api_url_file"] == "/run/secrets/slack-url"
    assert people["email_configs"][0]["auth_password_file"] == "/run/secrets/smtp-password"
    assert deadman == {
        "name": "deadman",
        "webhook_configs": [{"url_file": "/run/secrets/deadman-url", "send_resolved": False}],
    }
    assert set(files_in(plan, "slidegenie-monitoring-alertmanager-secrets")) == {
        "alert-webhook-url",
        "deadman-url",
        "slack-url",
        "smtp-password",
    }


def test_a_receiver_without_its_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"secrets\.slackUrl: is required with monitoring\.slackChannel"):
        parse_settings({"monitoring": {"slackChannel": "#alerts"}}, "x")


@pytest.mark.parametrize(
    ("store", "path"), [("containerd", "/run/containerd/containerd.sock"), ("overlay2", "/var/lib/docker/image")]
)
def test_cadvisor_sees_what_it_needs_and_no_more(store: str, path: str) -> None:
    plan = application(monitoring={"imageStore": store})
    container = plan.named("slidegenie-monitoring-cadvisor-1")

    assert [(m["source"], m["target"], m["readOnly"]) for m in container.inputs["mounts"]] == [
        ("/sys", "/sys", True),
        (path, path, True),
    ]
    assert container.inputs["user"] == "0:0"
    assert container.inputs["capabilities"] == {"drops": ["ALL"]}
    assert "root" in labels(container)["io.slidegenie.root-because"]
    assert {"--docker_only=true", "--housekeeping_interval=30s"} <= set(command(plan, "cadvisor"))
    [left_out] = [flag for flag in command(plan, "cadvisor") if flag.startswith("--disable_metrics=")]
    assert {"network", "oom_event"} <= set(left_out.partition("=")[2].split(",")), "it would say 0 for ever"


def test_the_image_of_cadvisor_that_tests_look_for_is_the_one_a_stack_runs_and_the_docs_name() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

    assert f"`{cadvisor_image()}`" in page
    pulled = as_it_comes().named("slidegenie-monitoring-cadvisor", "docker:index/remoteImage:RemoteImage")
    assert pulled.inputs["name"] == cadvisor_image()


def test_the_exporter_of_postgresql_reads_how_many_transaction_ids_are_left() -> None:
    """It does not unless it is asked to, and the alert about them would never fire."""
    assert command(as_it_comes(), "postgres") == ["--collector.database_wraparound"]


def test_the_node_exporter_reads_raid_and_errors_of_memory() -> None:
    assert {"--collector.mdadm", "--collector.edac"} <= set(command(as_it_comes(), "node"))


def test_the_node_exporter_mounts_nothing_of_the_host() -> None:
    mounts = as_it_comes().named("slidegenie-monitoring-node-1").inputs["mounts"]

    assert [(mount["type"], mount["target"]) for mount in mounts] == [("volume", "/textfiles")]


def alert_link(plan: Plan) -> str:
    """Return where an alert about PostgreSQL leads."""
    [down, *_] = file(plan, "prometheus-rules", "postgres.yml")["groups"][0]["rules"]
    assert down["alert"] == "PostgresDown"
    return runbook_url(down, files_in(plan, "slidegenie-monitoring-prometheus-config")["prometheus.yml"])


def linked(plan: Plan) -> tuple[str, list[str]]:
    """Return where an alert about PostgreSQL leads, and where the panels of all dashboards do."""
    boards = files_in(plan, "slidegenie-monitoring-grafana-dashboards")
    panels = [panel for board in boards.values() for panel in json.loads(board)["panels"]]
    return alert_link(plan), [link["url"] for panel in panels for link in panel.get("links", [])]


def test_links_lead_where_people_read_the_runbook() -> None:
    alert, panels = linked(application(monitoring={"runbookUrl": "https://wiki.example.com/runbook"}, postgres={}))

    assert alert == "https://wiki.example.com/runbook#postgresdown"
    assert panels
    assert all(url.startswith("https://wiki.example.com/runbook#") for url in panels)


def test_where_nobody_says_where_that_is_grafana_shows_it() -> None:
    plan = application(monitoring={}, postgres={}, proxy={"domain": "slides.example.com"})
    runbook = json.loads(files_in(plan, "slidegenie-monitoring-grafana-dashboards")["runbook.json"])
    sections = {f"/d/{runbook['uid']}?viewPanel={panel['id']}": panel for panel in runbook["panels"]}
    alert, panels = linked(plan)

    assert alert.removeprefix("https://slides.example.com/grafana") in sections
    assert panels
    assert {url.partition("#")[0] for url in panels} <= {
        path for path, panel in sections.items() if panel["type"] == "text"
    }
    shown = sections[alert.removeprefix("https://slides.example.com/grafana")]
    assert shown["title"] == "PostgresDown"
    assert "make restore STACK=test" in shown["options"]["content"]
    assert "docker compose -p slidegenie-test start postgres" in shown["options"]["content"]
    assert "prod" not in shown["options"]["content"]
    assert len(sections) == len(runbook["panels"]), "two sections have one number"


def test_without_grafana_an_alert_names_the_file() -> None:
    plan = application(monitoring={"grafana": False}, postgres={})

    assert alert_link(plan) == "monitoring/RUNBOOK.md#postgresdown"


def test_every_file_fits_into_a_message_to_the_engine(plans: dict[str, Plan]) -> None:
    """Uploads travel in one request of Pulumi's, of 4 MiB at most by gRPC's own default."""
    for seed in seeds(plans["prod"]):
        assert len(json.dumps(plain(seed.inputs))) < 1_000_000, seed.name


# ---------------------------------------------------------------------------- additions


def with_additions(**added: Any) -> Plan:
    """Return the plan of a platform that somebody adds to."""
    settings = parse_settings({"engine": {"socketGroup": 999}}, "x")
    return recorded(
        lambda: SlideGeniePlatform(
            "slidegenie", SlideGeniePlatformArgs(settings=settings, monitored=Additions(**added))
        )
    )


def test_another_team_adds_targets_rules_and_dashboards() -> None:
    plan = with_additions(
        targets=[ScrapeTarget(service="reports", port=9000, path="/stats")],
        rules={"reports.yml": "groups: []"},
        dashboards={"reports.json": "{}"},
    )

    assert jobs(plan)["reports"] == {
        "job_name": "reports",
        "metrics_path": "/stats",
        "dns_sd_configs": [{"names": ["reports"], "type": "A", "port": 9000, "refresh_interval": "5s"}],
    }
    assert files_in(plan, "slidegenie-monitoring-prometheus-rules")["reports.yml"] == "groups: []"
    assert files_in(plan, "slidegenie-monitoring-grafana-dashboards")["reports.json"] == "{}"


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"targets": [ScrapeTarget(service="redis", port=1)]}, "scrape target 'redis' has the name of a job"),
        ({"rules": {"app.yml": ""}}, "rule file app.yml is the platform's own"),
        ({"dashboards": {"business-metrics.json": ""}}, "dashboard business-metrics.json is the platform's own"),
    ],
    ids=["target", "rules", "dashboard"],
)
def test_what_is_added_cannot_replace_what_there_is(added: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_additions(**added)


def test_it_stands_on_its_own_in_the_stack_of_another_team() -> None:
    def program() -> None:
        foundation = Foundation("base", FoundationArgs())
        proxy = Proxy("edge", ProxyArgs(foundation=foundation, engine=EngineSettings(socket_group=999)))
        Monitoring("watch", MonitoringArgs(foundation=foundation, proxy=proxy))

    plan = recorded(program)

    assert running(plan) == {"prometheus", "alertmanager", "grafana", "cadvisor", "node-exporter"}
