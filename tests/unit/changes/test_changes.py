"""Small changes of stack files and programs: each says what becomes of what runs."""

import datetime
import functools
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import (
    Foundation,
    HealthCheck,
    Limits,
    SlideGeniePlatform,
    SlideGeniePlatformArgs,
    WebService,
    WebServiceArgs,
    parse_settings,
)
from components.containers import ContainerArgs, FilesMount, Job, Rollout, Server, ServerArgs, VolumeMount
from components.containers.foundation import Zone
from components.containers.volumes import DataVolume, DataVolumeArgs, Files, FilesArgs
from components.core.policy import Granted, default_policy
from slidegenie.changes import Comparison, changes_of
from slidegenie.changes.markdown import markdown
from slidegenie.changes.outcome import KEPT
from slidegenie.changes.planned import alike
from slidegenie.changes.summary import PolicyChange
from slidegenie.plan import Plan, Secret
from slidegenie.plan.as_json import SECRET_KEY, plain_plan, read_plan
from slidegenie.policy.changed import policy_change

from ..planned import ELSEWHERE, application, as_it_comes, platform, recorded, with_foundation
from ..plans import ROOT, container, made_of, network, seed, upload, volume
from .sides import because, between, kinds, masked, notes

_IMAGE = "ghcr.io/example/web@sha256:" + "0" * 64
_SERVED: dict[str, Any] = {
    "wait": True,
    "healthcheck": {"tests": ["CMD", "true"]},
    "options": {"delete_before_replace": False},
}
_TRAEFIK = "traefik.http.services.web.loadbalancer"


@pytest.fixture(autouse=True)
def secrets_can_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_KEY, "key of this run")


@functools.cache
def before() -> Plan:
    return application()


def with_service(**changes: Any) -> Plan:
    """Return the platform with a further service."""

    def program() -> None:
        values = ELSEWHERE | {"engine": {"socketGroup": 999}}
        made = SlideGeniePlatform(
            "slidegenie", SlideGeniePlatformArgs(settings=parse_settings(values, "Pulumi.test.yaml"))
        )
        given: dict[str, Any] = {
            "foundation": made.foundation,
            "proxy": made.proxy,
            "service": "reports",
            "image": _IMAGE,
            "port": 9000,
            "path": "/reports",
            "limits": Limits(memory_mib=128),
            "health": HealthCheck(command=["reports", "health"]),
        }
        WebService("reports", WebServiceArgs(**given | changes))

    return recorded(program)


def server(foundation: Foundation, name: str = "web", **changes: Any) -> Server:
    given: dict[str, Any] = {
        "foundation": foundation,
        "service": "web",
        "image": _IMAGE,
        "zones": [Zone.APPLICATION],
        "limits": Limits(memory_mib=64),
        "health": HealthCheck(command=["true"]),
    }
    opts = changes.pop("opts", None)
    return Server(name, ServerArgs(**given | changes), opts=opts)


def test_nothing_is_said_of_two_plans_that_are_the_same() -> None:
    assert between(before(), application()).nothing
    assert between(as_it_comes(), as_it_comes()).nothing


def test_another_environment_rolls_the_application_and_runs_its_job_again() -> None:
    changes = between(before(), application(backend={"environment": {"LOG_LEVEL": "value-of-it"}}))

    assert kinds(changes) == {"app": "ROLLED", "migrate": "RERUN"}
    assert because(changes, "app") == ("environment: LOG_LEVEL",)
    assert "value-of-it" not in markdown(changes) + str(changes.plain())
    assert not changes.data


def test_another_version_of_an_image_is_named_and_what_holds_ports_has_a_gap() -> None:
    changes = between(before(), application(images={"traefik": "docker.io/library/traefik:v9.9"}))

    assert kinds(changes) == {"traefik": "RECREATED"}
    (image,) = changes.images
    assert (image.services, image.after, image.digest) == (("traefik",), "docker.io/library/traefik:v9.9", None)
    assert "its published ports answer nobody meanwhile" in notes(changes, "traefik")
    assert "away from its stop (at most 30 s) until the new one is healthy (at most 90 s)" in notes(changes, "traefik")


def test_memory_changes_in_place_and_the_sum_is_said() -> None:
    changes = between(before(), application(backend={"limits": {"memoryMib": 1024}}))

    assert kinds(changes) == {"app": "IN_PLACE"}
    old, new = changes.limits.memory_mib
    one = 1024 - (new - old) // 2
    assert because(changes, "app") == (f"memory {one} → 1024 MiB",)
    assert f"memory of all servers: {old} → {new} MiB" in markdown(changes)


def test_cpus_and_processes_roll_it_since_the_provider_cannot_change_them() -> None:
    changes = between(before(), application(backend={"limits": {"cpus": 3, "pids": 99}}))

    assert kinds(changes)["app"] == "ROLLED"
    assert [reason.partition(" ")[0] for reason in because(changes, "app")] == ["CPUs", "processes"]


def test_more_and_fewer_replicas_leave_the_others_alone() -> None:
    more = application(backend={"replicas": 4})

    for one, other, said in ((before(), more, "2 → 4"), (more, before(), "4 → 2")):
        changes = between(one, other)
        assert kinds(changes) == {"app": "SCALED"}
        assert because(changes, "app") == (f"containers {said}",)
        assert not changes.images


def test_a_new_service_is_added_with_its_route_and_whom_it_may_reach() -> None:
    changes = between(before(), with_service())

    assert kinds(changes) == {"reports": "ADDED"}
    assert [(route.name, route.before) for route in changes.routes] == [("reports", None)]
    assert "/reports" in str(changes.routes[0].after)
    (reach,) = changes.reach
    assert (reach.service, reach.outside) == ("reports", True)
    assert {"app", "traefik"} <= set(reach.others)
    assert [image.after for image in changes.images] == [_IMAGE]
    assert changes.images[0].digest == "sha256:" + "0" * 64


def test_a_service_that_goes_is_removed_and_nobody_reaches_more() -> None:
    changes = between(with_service(), before())

    assert kinds(changes) == {"reports": "REMOVED"}
    assert [(route.name, route.after) for route in changes.routes] == [("reports", None)]
    assert not changes.reach


def test_a_published_port_is_named_and_recreates_what_publishes_it() -> None:
    changes = between(before(), application(proxy={"address": "0.0.0.0"}))  # noqa: S104 - what is tested

    assert kinds(changes) == {"traefik": "RECREATED"}
    assert because(changes, "traefik") == ("published ports",)
    (ports,) = changes.ports
    assert all(port.startswith("0.0.0.0:") for port in ports.added)
    assert ports.service == "traefik"
    assert len(ports.added) == len(ports.removed) >= 2


def test_data_that_moves_takes_what_rolls_otherwise_down_too() -> None:
    files = {"volumes": {"uploads": "/app/uploads"}}
    old, new = (application(backend=files, engine={"dataRoot": root}) for root in ("/srv/old", "/srv/new"))
    changes = between(old, new)

    assert [data.data for data in changes.data] == ["uploads"]
    assert changes.data[0].what.startswith(
        "moved from /srv/old/uploads to /srv/new/uploads; nothing is copied; it is pro"
    )
    assert kinds(changes) == {"app": "RECREATED"}
    assert "goes with that, though it rolls otherwise" in notes(changes, "app")


def test_data_that_is_made_and_removed_is_said() -> None:
    with_data = application(backend={"volumes": {"uploads": "/app/uploads"}})

    assert [data.what for data in between(before(), with_data).data] == ["made: a volume of the engine's"]
    (gone,) = between(with_data, before()).data
    assert gone.what == (
        "removed: a volume of the engine's; it is protected, so the update is refused until somebody lets it go"
    )


def test_a_secret_that_is_given_is_named_by_its_files_and_never_shown() -> None:
    given = {"postgresPassword": "hunter2-hunter2"}
    changes = between(before(), application(secrets=given))

    assert kinds(changes) == {"app": "ROLLED", "migrate": "RERUN"}
    assert "files in /run/secrets: postgres-password" in because(changes, "app")
    assert "hunter2" not in markdown(changes) + str(changes.plain())


def test_a_generated_secret_that_is_given_instead_is_generated_no_longer() -> None:
    changes = between(as_it_comes(), platform(secrets={"grafanaPassword": "hunter2-hunter2"}))

    assert [(secret.name, secret.what) for secret in changes.secrets] == [
        ("slidegenie-monitoring-grafana-password", "generated no longer")
    ]
    assert kinds(changes) == {"grafana": "RECREATED"}
    assert because(changes, "grafana") == ("files in /run/secrets: admin-password",)


def test_a_dashboard_recreates_grafana_which_reads_it_from_another_volume() -> None:
    changes = between(as_it_comes(), platform(monitoring={"runbookUrl": "https://example.com/runbook"}))

    assert kinds(changes)["grafana"] == "RECREATED"
    (files,) = because(changes, "grafana")
    assert files.startswith("files in /etc/grafana/dashboards: ")
    assert files.endswith(".json")


def test_a_certificate_of_your_own_changes_while_the_proxy_runs() -> None:
    old, new = (made_of([volume("routes"), *_proxy(text)]) for text in ("certificate", "another"))
    changes = between(old, new)

    assert not changes.services
    (files,) = changes.files
    assert (files.volume, files.files) == ("routes", ("key.pem",))


def _proxy(key: str) -> list[Any]:
    return [seed("routes-seed", "routes", [upload("key.pem", Secret(key))]), container("traefik")]


def test_a_policy_that_is_weakened_hides_nothing() -> None:
    good = default_policy()
    reason = "somebody would like to have it"
    everything = Granted(rule="privileged", container="web", reason=reason, expires=datetime.date(2026, 6, 1))
    weak = good.model_copy(update={"exceptions": (*good.exceptions, everything)})
    fine, bad = made_of([]), made_of([container("web", privileged=True)])
    today = datetime.date(2026, 1, 1)
    change = policy_change((fine, good), (bad, weak), today)

    assert any(finding.startswith("privileged: web-1 (web): privileged") for finding in change.new)
    assert not change.gone
    assert "new exceptions: privileged for web" in change.notes
    assert policy_change((bad, good), (fine, good), today).gone == change.new
    assert policy_change((bad, good), (bad, good), today) == PolicyChange()


def renamed(name: str, *aliases: str, service: str = "web", **changes: Any) -> Callable[[Foundation], object]:
    """Return a program with a server, its data and its files under `name`."""

    def program(foundation: Foundation) -> None:
        opts = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=alias) for alias in aliases])
        data = DataVolume(f"{name}-data", DataVolumeArgs(foundation=foundation, role="web"), opts=_of(aliases, "data"))
        files = Files(
            f"{name}-files", FilesArgs(foundation=foundation, files={"a.txt": "1"}), opts=_of(aliases, "files")
        )
        mounts = {
            "volumes": [VolumeMount(volume=data, path="/data")],
            "files": [FilesMount(files=files, path="/etc/web")],
        }
        server(foundation, name, service=service, opts=opts, **mounts | changes)

    return program


def _of(aliases: tuple[str, ...], role: str) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"{alias}-{role}") for alias in aliases])


def test_a_rename_with_an_alias_changes_nothing_and_its_children_follow() -> None:
    changes = between(with_foundation(renamed("old")), with_foundation(renamed("new", "old")))

    assert changes.nothing, changes.plain()


def test_a_rename_without_an_alias_has_a_gap_and_says_why() -> None:
    changes = between(with_foundation(renamed("old")), with_foundation(renamed("new")))

    assert kinds(changes) == {"web": "RECREATED"}
    assert "without an alias: the new one starts while the old one still has port or data" in notes(changes, "web")
    assert sorted(data.what.partition(":")[0] for data in changes.data) == ["made", "removed"]


def test_a_service_with_a_new_name_reaches_nobody_it_did_not() -> None:
    changes = between(
        with_foundation(renamed("old")), with_foundation(renamed("new", "old", service="page", health=_health()))
    )

    assert kinds(changes) == {"page": "RECREATED"}
    assert not changes.reach


def _health() -> HealthCheck:
    return HealthCheck(command=["true"])


def rolling(**changes: Any) -> Plan:
    given = {"labels": {f"{_TRAEFIK}.healthcheck.path": "/live", f"{_TRAEFIK}.server.port": "80"}} | _SERVED | changes
    return made_of([network("application"), container("web", **given)])


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        ({"image": "web:2"}, "ROLLED", ""),
        ({"labels": {f"{_TRAEFIK}.healthcheck.path": "/live", f"{_TRAEFIK}.server.port": "81"}}, "ROLLED", ""),
        ({"labels": {f"{_TRAEFIK}.healthcheck.path": "/other"}}, "RECREATED", "it drops both"),
        ({"image": "web:2", "wait": False}, "RECREATED", "nobody waits until the new one is healthy"),
        ({"image": "web:2", "healthcheck": None}, "RECREATED", "nobody waits until the new one is healthy"),
        ({"image": "web:2", "options": {"delete_before_replace": True}}, "RECREATED", ""),
        ({"image": "web:2", "options": {"delete_before_replace": None}}, "RECREATED", ""),
        ({"memory": 128}, "IN_PLACE", ""),
        ({"waitTimeout": 9}, "IN_PLACE", ""),
    ],
)
def test_no_gap_is_only_said_where_there_is_none(change: dict[str, Any], kind: str, why: str) -> None:
    changes = between(rolling(), rolling(**change))

    assert kinds(changes) == {"web": kind}
    assert why in notes(changes, "web")


def test_a_port_that_old_and_new_one_both_want_is_no_rollout_without_a_gap() -> None:
    ports = {"ports": [{"ip": "127.0.0.1", "external": 80, "internal": 80}]}

    assert kinds(between(rolling(**ports), rolling(image="web:2", **ports))) == {"web": "RECREATED"}


def test_what_takes_its_image_from_a_job_that_goes_first_goes_too() -> None:
    def with_job(root: str) -> Plan:
        def program(foundation: Foundation) -> None:
            data = DataVolume("data", DataVolumeArgs(foundation=foundation, role="data", data_root=root))
            common: dict[str, Any] = {
                "foundation": foundation,
                "zones": [Zone.APPLICATION],
                "limits": Limits(memory_mib=64),
            }
            mounts = [VolumeMount(volume=data, path="/data")]
            job = Job("job", ContainerArgs(service="job", image=_IMAGE, volumes=mounts, **common))
            server(foundation, image=job.image, rollout=Rollout.ROLLING, after=[job])

        return with_foundation(program)

    changes = between(with_job("/srv/old"), with_job("/srv/new"))
    assert kinds(changes) == {"job": "RERUN", "web": "RECREATED"}


def test_an_image_that_is_built_anew_rolls_what_runs_it() -> None:
    build = next(r for r in before().of_type("docker-build:index:Image") if r.name == "slidegenie-app")
    changes = between(before(), before(), rebuilt={build.place: ["docker/backend/app/main.py"]})

    assert kinds(changes) == {"app": "ROLLED", "migrate": "RERUN"}
    assert because(changes, "app") == ("image",)
    (image,) = changes.images
    assert image.built_from == ("docker/backend/app/main.py",)


def test_who_uses_a_store_is_said_where_the_store_is_away() -> None:
    old, new = (
        made_of([container("db", image=image), container("web", after=["db-1"], **_SERVED)]) for image in ("1", "2")
    )

    assert "without it meanwhile: web" in notes(between(old, new), "db")


def test_a_plan_of_an_older_version_without_aliases_and_marks_is_compared_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marked = masked(before())
    monkeypatch.delenv(SECRET_KEY)
    document = plain_plan(before(), ROOT)
    for item in document["resources"]:
        item["options"].pop("aliases", None)
    older = read_plan(document)

    assert not changes_of(Comparison(older, marked)).nothing
    assert changes_of(Comparison(*alike(older, marked))).nothing
    assert changes_of(Comparison(*alike(marked, older))).nothing


def test_names_of_a_stranger_are_text_and_nothing_else_in_a_comment() -> None:
    evil = "x`|</td>\n# @everyone [click](http://evil) <img src=x>"
    old = made_of([container("web", labels={"com.docker.compose.service": evil})])
    text = markdown(between(old, made_of([])))

    assert "<img" not in text
    assert "\n# @" not in text
    row = next(line for line in text.splitlines() if "removed" in line and line.startswith("|"))
    assert row.count("|") == 4
    assert row.count("`") % 2 == 0


def test_inputs_that_the_provider_changes_in_place_are_few() -> None:
    assert KEPT["docker:index/container:Container"] & {"envs", "image", "labels", "mounts", "ports", "cpus"} == set()
