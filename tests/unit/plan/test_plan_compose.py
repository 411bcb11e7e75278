"""The Compose files of the stacks: as hardened as what Pulumi makes, and free of secrets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from slidegenie.compose.project import compose_project, render_compose
from slidegenie.plan import StackProgram
from slidegenie.plan.record import Plan, Secret
from slidegenie.plan.view import BUILT, CONTAINER, labels_of, open_secret, view_of

from ...support.pem import root
from ..plans import ROOT, STACKS, compose_of, container, document_of, made_of, plan_of, resource

HARDENED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "cap_add": None,
    "security_opt": ["no-new-privileges:true"],
    "init": True,
    "logging": {"driver": "local", "options": {"max-file": "5", "max-size": "20m"}},
    "container_name": None,
    "privileged": None,
}


@pytest.mark.parametrize("stack", STACKS)
def test_every_service_is_hardened(stack: str) -> None:
    for name, fields in document_of(stack)["services"].items():
        assert {key: fields.get(key) for key in HARDENED} == HARDENED, name
        assert fields["user"] == ("0:0" if "io.slidegenie.root-because" in fields["labels"] else "1000:1000"), name
        assert fields["pids_limit"] >= 16, name
        assert fields["mem_limit"] == fields["memswap_limit"], name
        assert fields["cpus"] > 0, name


@pytest.mark.parametrize("stack", STACKS)
def test_a_service_has_networks_or_none_at_all(stack: str) -> None:
    for name, fields in document_of(stack)["services"].items():
        assert ("networks" in fields) != (fields.get("network_mode") == "none"), name
        assert (name.startswith("prepare-") or name == "restore-drill") == ("networks" not in fields), name


@pytest.mark.parametrize("stack", STACKS)
def test_limits_and_health_are_those_that_pulumi_sets(stack: str) -> None:
    services = dict(document_of(stack)["services"])
    for recorded in view_of(plan_of(stack)).services:
        name, inputs, check = recorded.name, recorded.inputs, recorded.inputs.get("healthcheck")
        fields = services.pop(name)
        assert fields["mem_limit"] == f"{inputs['memory']}m", name
        assert fields["mem_reservation"] == f"{inputs['memoryReservation']}m", name
        assert float(fields["cpus"]) == float(inputs["cpus"]), name
        assert str(fields["pids_limit"]) == recorded.labels["io.slidegenie.pids-limit"], name
        assert fields.get("healthcheck", {}).get("test") == (check["tests"] if check else None), name
        assert fields["restart"] == ("no" if recorded.job else "always"), name
        assert fields.get("deploy") == ({"replicas": recorded.replicas} if recorded.replicas > 1 else None), name
    assert [name for name in services if not name.startswith("prepare-")] == []


def _secrets(plan: Plan) -> set[str]:
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, Secret):
            found.update(_texts(open_secret(value)))
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(part)

    for recorded in plan.resources:
        # What a container is given back is marked as a whole.
        walk(recorded.inputs if recorded.type == CONTAINER else recorded.outputs)
    return {text for text in found if len(text) > 16}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        parts = value.get("content", list(value.values())) if isinstance(value, dict) else value
        return [text for part in (parts if isinstance(parts, list) else [parts]) for text in _texts(part)]
    return [str(value)]


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_is_in_the_compose_file_or_a_config_file(stack: str) -> None:
    secrets = _secrets(plan_of(stack))
    assert len(secrets) > 8
    project = compose_of(stack)
    for text in (project.text, *project.config_files.values(), repr(project)):
        assert [secret for secret in secrets if secret in text] == []
    assert secrets & set(project.secret_files.values())


@pytest.mark.parametrize("stack", STACKS)
def test_the_text_is_the_same_with_other_secrets(stack: str) -> None:
    def other(kind: str, name: str) -> bytes:
        return (f"{name}{kind}".encode() * 4)[:64]

    again = compose_project(StackProgram.read(ROOT, stack), other)
    assert again.text == compose_of(stack).text
    assert again.config_files == compose_of(stack).config_files
    assert again.secret_files.keys() == compose_of(stack).secret_files.keys()
    assert again.secret_files != compose_of(stack).secret_files


def test_production_starts_in_the_order_of_its_dependencies() -> None:
    services = document_of("prod")["services"]
    ended, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    names = ("minio", "postgres", "redis")
    stores = dict.fromkeys(names, healthy) | {f"{name}-login": ended for name in names}
    files = {f"prepare-{name}": ended for name in ("logs", "uploads", "exports")}
    assert services["app"]["depends_on"] == {"migrate": ended, **stores, **files}
    assert services["migrate"]["depends_on"] == stores
    assert services["postgres"]["depends_on"] == {"prepare-postgres": ended}
    assert "depends_on" not in services["prepare-postgres"]


def test_a_data_volume_is_prepared_by_a_service_that_runs_nothing() -> None:
    document = document_of("prod")
    assert document["services"]["prepare-postgres"]["command"] == ["true"]
    assert document["services"]["prepare-postgres"]["volumes"] == ["postgres:/volume"]
    assert document["services"]["prepare-postgres"]["restart"] == "no"
    assert document["services"]["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert document["volumes"]["postgres"] == {
        "name": "slidegenie-prod-postgres",
        "driver_opts": {"device": "/opt/slidegenie/data/postgres", "o": "bind", "type": "none"},
        "labels": {"io.slidegenie.data": "postgres", "io.slidegenie.stack": "slidegenie/prod"},
    }


def test_the_proxy_gets_the_files_of_all_its_seeds() -> None:
    traefik = document_of("prod")["services"]["traefik"]
    targets = {file["target"] for file in traefik["configs"] + traefik["secrets"]}
    seeds = [
        c
        for c in plan_of("prod").of_type(CONTAINER)
        if labels_of(c)["io.slidegenie.role"] == "seed" and c.inputs["mounts"][0]["source"] == "slidegenie-prod-routes"
    ]
    assert len(seeds) > 1
    assert {"/etc/traefik/traefik.yml", "/dynamic/route-app.yml", "/dynamic/key.pem"} <= targets
    assert "/dynamic/key.pem" not in {file["target"] for file in traefik["configs"]}


@pytest.mark.parametrize("stack", STACKS)
def test_traefik_is_told_the_network_that_compose_makes(stack: str) -> None:
    name = document_of(stack)["networks"]["application"]["name"]
    assert name == f"slidegenie-application-{stack}"
    static = compose_of(stack).config_files[f"docker/compose/{stack}/traefik-config/traefik.yml"]
    assert f"network: {name}\n" in static


@pytest.mark.parametrize("stack", STACKS)
def test_only_networks_without_secrets_in_them_reach_the_outside(stack: str) -> None:
    networks = document_of(stack)["networks"]
    assert {zone for zone, network in networks.items() if network.get("internal")} == {"control", "data", "monitoring"}


@pytest.mark.parametrize("stack", STACKS)
def test_who_mounts_the_docker_socket_joins_the_group_of_this_host(stack: str) -> None:
    services = document_of(stack)["services"]
    sockets = {
        name
        for name, fields in services.items()
        for mounted in fields.get("volumes", [])
        if isinstance(mounted, dict) and "docker.sock" in mounted["source"]
    }
    assert sockets == {name for name, fields in services.items() if "group_add" in fields}
    assert "socket-proxy" in sockets
    assert "traefik" not in sockets
    assert services["socket-proxy"]["group_add"] == ["${DOCKER_GID:?run make secrets}"]


def test_development_mounts_the_source_by_a_relative_path() -> None:
    volumes = document_of("dev")["services"]["app"]["volumes"]
    assert {
        "type": "bind",
        "source": "./docker/backend/app",
        "target": "/app/app",
        "read_only": True,
        "bind": {"create_host_path": False},
    } in volumes


@pytest.mark.parametrize("stack", STACKS)
def test_no_path_of_this_machine_is_in_the_text(stack: str) -> None:
    assert str(ROOT) not in compose_of(stack).text


def test_an_image_that_is_built_says_how_and_others_are_pulled_once() -> None:
    services = document_of("prod")["services"]
    built = services["app"]["build"]
    assert {key: built[key] for key in ("context", "dockerfile", "target")} == {
        "context": "./docker/backend",
        "dockerfile": "alpine.Dockerfile",
        "target": "production",
    }
    assert services["app"]["pull_policy"] == "build"
    assert services["postgres"]["pull_policy"] == "missing"
    assert "build" not in services["postgres"]


def test_a_ca_bundle_is_a_build_secret_by_its_path(tmp_path: Path) -> None:
    for name in ("__main__.py", "Pulumi.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    bundle = tmp_path.parent / f"{tmp_path.name}.pem"
    authority = root()
    bundle.write_text(authority)
    (tmp_path / "Pulumi.mine.yaml").write_text(f"config:\n  slidegenie:engine:\n    caBundle: {bundle}\n")
    project = compose_project(StackProgram.read(tmp_path, "mine"))
    document = yaml.safe_load(project.text)
    assert document["services"]["app"]["build"]["secrets"] == ["ca_bundle"]
    assert document["secrets"]["ca_bundle"] == {"file": str(bundle)}
    assert authority.splitlines()[1] not in project.text
    # It is a file of the host already: nothing to write.
    assert authority not in project.secret_files.values()
    assert "ca_bundle" not in document_of("prod")["secrets"]


@pytest.mark.parametrize(("secret", "bundle"), [("ca_bundle", None), ("token", None), ("token", "/etc/ca.pem")])
def test_a_build_secret_whose_path_nobody_knows_is_refused(secret: str, bundle: str | None) -> None:
    context = {"context": {"location": "c"}, "dockerfile": {"location": "c/Dockerfile"}}
    image = resource(BUILT, "web", tags=["web:1"], secrets=Secret({secret: "x"}), **context)
    secrets, files = Path(".secrets"), Path("files")
    with pytest.raises(ValueError, match=rf"image web:1 is built with the secrets \['{secret}'\]; only ca_bundle has"):
        render_compose(made_of([image, container("web")]), ROOT, secrets_dir=secrets, files_dir=files, ca_bundle=bundle)


@pytest.mark.parametrize("stack", STACKS)
def test_labels_of_compose_are_left_to_compose(stack: str) -> None:
    for fields in document_of(stack)["services"].values():
        assert not [label for label in fields["labels"] if label.startswith("com.docker.compose")]
        assert fields["labels"]["io.slidegenie.stack"] == f"slidegenie/{stack}"


@pytest.mark.parametrize("stack", STACKS)
def test_everything_at_the_top_is_used_and_everything_used_is_there(stack: str) -> None:
    document = document_of(stack)
    services = document["services"].values()
    for section in ("configs", "secrets"):
        used = {file["source"] for fields in services for file in fields.get(section, [])}
        used |= {name for fields in services for name in fields.get("build", {}).get(section, [])}
        assert used == set(document[section])
    assert {zone for fields in services for zone in fields.get("networks", [])} == set(document["networks"])


@pytest.mark.parametrize("stack", STACKS)
def test_the_text_says_where_it_comes_from_and_has_no_anchors(stack: str) -> None:
    text = compose_of(stack).text
    assert text.startswith(f"# Generated by `make generate` from Pulumi.{stack}.yaml; do not edit.\n")
    assert not re.search(r"^[^#\n]*[:-] [&*]\w", text, re.MULTILINE)
    assert document_of(stack)["name"] == f"slidegenie-{stack}"
