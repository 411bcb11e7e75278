"""Values that mean something to whoever reads the file they end up in arrive there as they are, and break nothing."""

import json
from typing import Any

import pytest
import yaml

from components.core.text import literally
from components.edge import routes
from components.edge.routes import matcher
from components.edge.traefik import edge
from components.monitoring import config as monitoring
from components.monitoring.args import Additions
from components.monitoring.runbook import LINK
from components.settings import MonitoringSettings, ProxySettings
from components.settings.sections.monitoring import Email
from scripts.markdown import table_row
from scripts.release_check import ROOT
from slidegenie.compose.yaml_text import compose_yaml
from slidegenie.plan.diagram import _label

from ...support.prometheus import rules, runbook_url

HOSTILE = ["a {{ b }}", "{{{", "{{- x -}}", "}}", "{{/*", "`id`", "'\"", "a: b #c", "${HOME} $1", "%(x)s %n", "é\\n"]


def rendered(template: str) -> str:
    """Do what Go's engine does with text, in which the one action writes two braces; any other is a mistake."""
    text = template.replace('{{"{{"}}', "\0")
    assert "{{" not in text, "an action that nobody wrote"
    return text.replace("\0", "{{")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_header_of_the_edge_is_no_template(value: str) -> None:
    told = yaml.safe_load(rendered(edge(ProxySettings(headers={"X-Note": value}))))

    assert told["http"]["middlewares"]["headers"]["headers"]["customResponseHeaders"]["X-Note"] == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_route_is_no_template(value: str) -> None:
    route = yaml.safe_load(rendered(routes.route("web", value, priority=1, direct=False)))
    forward = yaml.safe_load(rendered(routes.forward("web", 1, rule=value, priority=1, local=False)))

    assert [told["http"]["routers"]["web"]["rule"] for told in (route, forward)] == [value, value]


@pytest.mark.parametrize("value", HOSTILE)
def test_text_of_a_template_is_what_the_template_says(value: str) -> None:
    assert rendered(literally(value)) == value


def test_a_matcher_holds_any_text() -> None:
    assert matcher("Path", "/a") == "Path(`/a`)"
    assert matcher("Path", '/a`) || Host(`b"') == 'Path("/a`) || Host(`b\\"")'


@pytest.mark.parametrize("value", ['"', "'", "{{b}}", "$x", "${x}", "[[x]]", "\\", "|", "`", "é", "<b>"])
def test_a_link_to_the_runbook_breaks_neither_rules_nor_dashboards(value: str) -> None:
    # The settings refuse most of these already; what writes them does not rely on that.
    settings = MonitoringSettings().model_copy(
        update={"runbook_url": f"https://wiki.example.com/{value}/run?a=1&b=%20"}
    )
    prometheus = monitoring.prometheus(settings, [], [], "x/prod", app_port=8000, grafana_url="")
    boards = monitoring.dashboards(settings, Additions(), "prod", "slidegenie-prod")

    links = {runbook_url(rule, prometheus) for _, rule in rules() if "alert" in rule}
    for board in boards.values():
        links |= {link["url"] for panel in json.loads(board)["panels"] for link in panel.get("links", [])}
    assert len(links) > 20
    for link in links:
        assert link.startswith("https://wiki.example.com/%")
        assert "/run?a=1&b=%20#" in link
        assert not set(link) & set("\"'{}$[]\\|`<>")


def test_rules_and_dashboards_say_what_their_files_say() -> None:
    chosen = monitoring.rules(["postgres", "app"], Additions())
    boards = monitoring.dashboards(
        MonitoringSettings(runbook_url="http://x/monitoring/RUNBOOK.md"), Additions(), "prod", "slidegenie-prod"
    )

    for name in ("postgres.yml", "app.yml"):
        source = (ROOT / "monitoring" / "rules" / name).read_text(encoding="utf-8")
        assert chosen[name] == source
    for name, text in boards.items():
        source = (ROOT / "monitoring" / "dashboards" / name).read_text(encoding="utf-8")
        assert text == LINK.sub(r"http://x/monitoring/RUNBOOK.md#\1", source)


@pytest.mark.parametrize("value", [v for v in HOSTILE if "\n" not in v])
def test_receivers_of_alerts_are_no_templates(value: str) -> None:
    mail = Email.model_construct(to=value, sender=value, smarthost="smtp.example.com:587")
    settings = MonitoringSettings().model_copy(update={"email": mail, "slack_channel": f"#{value}"})

    people = yaml.safe_load(monitoring.alertmanager(settings, {}))["receivers"][0]

    assert rendered(people["email_configs"][0]["to"]) == value
    assert rendered(people["email_configs"][0]["from"]) == value
    assert rendered(people["slack_configs"][0]["channel"]) == settings.slack_channel


@pytest.mark.parametrize("value", HOSTILE)
def test_a_dollar_sign_is_doubled_for_compose_in_values_and_not_in_keys(value: str) -> None:
    told = yaml.safe_load(compose_yaml({"labels": {value: value}, "command": [value]}))

    assert told == {"labels": {value: value.replace("$", "$$")}, "command": [value.replace("$", "$$")]}


@pytest.mark.parametrize("key", ["1e3", "0o7", "y", "1_000"])
def test_a_key_that_looks_like_a_number_stays_text_for_compose(key: str) -> None:
    assert compose_yaml({key: "x"}) == f"'{key}': x\n"


def test_a_cell_of_a_table_holds_bars_and_lines() -> None:
    assert table_row("a|b", "c\nd", "") == "| a\\|b | c d |  |"


def test_a_label_of_the_diagram_holds_quotes_and_tags() -> None:
    assert _label('a"b<br/>#1') == "a#34;b#60;br/#62;#35;1"
    assert _label("app-1.2") == "app-1.2"


@pytest.mark.parametrize("password", ["a${HOME}b", "$__env{HOME}", "x$__file{/etc/passwd}"])
def test_a_password_that_grafana_would_replace_is_refused_without_being_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"^secrets\.grafanaPassword must be without \$\{\.\.\.\}") as refused:
        _platform(secrets={"grafanaPassword": password})

    assert password not in str(refused.value)


@pytest.mark.parametrize("password", ["a$b{c}", "$HOME$$", "{x}${}"])
def test_a_password_with_other_dollar_signs_is_taken(password: str) -> None:
    assert _platform(secrets={"grafanaPassword": password}).named("slidegenie-monitoring-grafana-1")


def _platform(**sections: Any) -> Any:
    from ..planned import application  # noqa: PLC0415 - the other tests of this file plan nothing

    return application(monitoring={"enabled": True}, **sections)
