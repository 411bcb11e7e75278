"""Every container of every stack is as locked up as REQUIREMENTS S1 to S5 say."""

import re

import pytest

from slidegenie.plan import Plan

from ..planned import CONTAINER, NETWORK, VOLUME, application, labels, role, seeds, service, workloads

STORES = {"postgres", "redis", "minio"}
APPLICATION = {"app", "migrate"}


def zones(plan: Plan) -> dict[str, str]:
    """Return the zone of each network by the name the engine knows it by."""
    return {network.outputs["name"]: labels(network)["io.slidegenie.zone"] for network in plan.of_type(NETWORK)}


def test_the_plan_has_the_containers_this_file_speaks_of(plan: Plan) -> None:
    assert STORES | APPLICATION | {"traefik", "socket-proxy"} <= {service(container) for container in workloads(plan)}
    assert {role(container) for container in plan.of_type(CONTAINER)} == {"server", "job", "seed"}


def test_runs_as_user_1000_unless_it_says_why_it_cannot(plan: Plan) -> None:
    for container in workloads(plan):
        excused = labels(container).get("io.slidegenie.root-because")
        assert container.inputs["user"] == ("0:0" if excused else "1000:1000"), service(container)


def test_only_cadvisor_is_excused(plans: dict[str, Plan]) -> None:
    excused = {
        stack: [service(c) for c in workloads(plan) if "io.slidegenie.root-because" in labels(c)]
        for stack, plan in plans.items()
    }

    assert excused == {"dev": ["cadvisor"], "prod": ["cadvisor"], "airgap": []}


def test_joins_no_group_but_that_of_the_socket(plan: Plan) -> None:
    groups = {service(c): c.inputs["groupAdds"] for c in workloads(plan) if c.inputs.get("groupAdds")}

    assert groups == {"socket-proxy": ["999"]}


def test_has_a_read_only_root(plan: Plan) -> None:
    assert {container.inputs["readOnly"] for container in workloads(plan)} == {True}


def test_writes_to_named_folders_in_memory_only(plan: Plan) -> None:
    for container in workloads(plan):
        for path, options in container.inputs["tmpfs"].items():
            assert re.fullmatch(r"rw,noexec,nosuid,nodev,size=[1-9]\d*m,uid=1000,gid=1000,mode=0700", options), (
                f"{service(container)} {path}"
            )


def test_has_no_capability(plan: Plan) -> None:
    for container in workloads(plan):
        assert container.inputs["capabilities"] == {"drops": ["ALL"]}, service(container)


def test_cannot_gain_privileges(plan: Plan) -> None:
    for container in workloads(plan):
        assert container.inputs["securityOpts"] == ["no-new-privileges:true"], service(container)
        assert container.inputs.get("privileged") is None, service(container)


@pytest.mark.parametrize("namespace", ["networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode"])
def test_shares_no_namespace_of_the_host(plan: Plan, namespace: str) -> None:
    # A container without any network is no part of the host's.
    assert [service(c) for c in workloads(plan) if c.inputs.get(namespace, "none") != "none"] == []


def test_has_no_device(plan: Plan) -> None:
    assert [service(c) for c in workloads(plan) if "devices" in c.inputs or "gpus" in c.inputs] == []


def test_has_a_memory_limit_and_no_swap(plan: Plan) -> None:
    for container in workloads(plan):
        memory = container.inputs["memory"]
        assert memory >= 64, service(container)
        assert container.inputs["memorySwap"] == memory, service(container)
        assert container.inputs["memoryReservation"] == memory // 2, service(container)


def test_has_a_limit_of_cpu_time(plan: Plan) -> None:
    for container in workloads(plan):
        assert 0 < float(container.inputs["cpus"]) <= 2, service(container)


def test_has_a_limit_of_processes(plan: Plan) -> None:
    for container in workloads(plan):
        assert 8 <= int(labels(container)["io.slidegenie.pids-limit"]) <= 512, service(container)


def test_limits_are_those_of_the_settings() -> None:
    limits = {"memoryMib": 300, "memoryReservationMib": 100, "cpus": 0.5, "cpuset": "0-1", "pids": 77}
    container = application(postgres={"limits": limits}).named("slidegenie-postgres-1")

    assert (container.inputs["memory"], container.inputs["memorySwap"]) == (300, 300)
    assert container.inputs["memoryReservation"] == 100
    assert float(container.inputs["cpus"]) == 0.5
    assert container.inputs["cpuSet"] == "0-1"
    assert labels(container)["io.slidegenie.pids-limit"] == "77"


def test_rotates_its_logs(plan: Plan) -> None:
    for container in workloads(plan):
        assert container.inputs["logDriver"] == "local", service(container)
        assert container.inputs["logOpts"] == {"max-size": "20m", "max-file": "5"}, service(container)


def test_has_an_init_process(plan: Plan) -> None:
    assert {container.inputs["init"] for container in workloads(plan)} == {True}


def test_has_time_to_stop(plan: Plan) -> None:
    """Unset, the provider kills a container at once."""
    for container in workloads(plan):
        assert container.inputs["destroyGraceSeconds"] == container.inputs["stopTimeout"] >= 5, service(container)


def test_the_application_has_time_for_its_drain() -> None:
    container = application(backend={"drainSeconds": 9, "shutdownSeconds": 40}).named("slidegenie-app-1")

    assert container.inputs["destroyGraceSeconds"] == 9 + 40 + 5


def test_every_server_has_a_health_check_that_is_waited_for(plan: Plan) -> None:
    for container in workloads(plan):
        if role(container) == "server":
            check = container.inputs["healthcheck"]
            assert check["tests"][0] == "CMD", service(container)
            assert check["retries"] == 3, service(container)
            assert container.inputs["wait"] is True, service(container)
            assert container.inputs["waitTimeout"] >= 5, service(container)
            assert container.inputs["restart"] == "always", service(container)


def test_only_the_proxy_publishes_ports(plan: Plan) -> None:
    assert {service(container) for container in workloads(plan) if container.inputs.get("ports")} == {"traefik"}
    assert [seed.name for seed in seeds(plan) if seed.inputs.get("ports")] == []


def test_production_publishes_http_and_https_to_everybody(plans: dict[str, Plan]) -> None:
    ports = plans["prod"].named("slidegenie-traefik-1").inputs["ports"]

    assert [(port["ip"], port["external"]) for port in ports] == [("0.0.0.0", 80), ("0.0.0.0", 443)]  # noqa: S104


@pytest.mark.parametrize("stack", ["dev", "airgap"])
def test_elsewhere_ports_are_published_to_this_machine_only(plans: dict[str, Plan], stack: str) -> None:
    ports = plans[stack].named("slidegenie-traefik-1").inputs["ports"]

    assert [(port["ip"], port["external"]) for port in ports][:3] == [
        ("127.0.0.1", 8080),
        ("127.0.0.1", 8443),
        ("127.0.0.1", 8000),
    ]
    assert {port["ip"] for port in ports} == {"127.0.0.1"}


def test_only_the_allow_list_mounts_the_socket(plan: Plan) -> None:
    mounting = [c for c in plan.of_type(CONTAINER) if "docker.sock" in str(c.inputs.get("mounts"))]

    assert [service(container) for container in mounting] == ["socket-proxy"]
    assert [mount for mount in mounting[0].inputs["mounts"] if mount["type"] == "bind"] == [
        {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock", "readOnly": True}
    ]


def test_only_development_mounts_the_working_tree(plans: dict[str, Plan]) -> None:
    binds = {
        stack: {
            (service(container), mount["target"], mount["readOnly"])
            for container in workloads(plan)
            for mount in container.inputs.get("mounts") or []
            if mount["type"] == "bind" and not mount["source"].endswith(".sock")
        }
        for stack, plan in plans.items()
    }

    source = {(name, folder, True) for name in ("app", "migrate") for folder in ("/app/app", "/app/tests")}
    assert {bind for bind in binds["dev"] if bind[0] in APPLICATION} == source
    assert {bind for stack in ("prod", "airgap") for bind in binds[stack] if bind[0] in APPLICATION} == set()


def test_files_are_mounted_read_only_and_data_is_not(plan: Plan) -> None:
    volumes = {volume.outputs["name"]: labels(volume) for volume in plan.of_type(VOLUME)}
    for container in workloads(plan):
        for mount in container.inputs.get("mounts") or []:
            if mount["type"] == "volume":
                holds_files = "io.slidegenie.content" in volumes[mount["source"]]
                # What others leave for them, these read and no more.
                only_read = {("node-exporter", "/textfiles"), ("restore-drill", "/repository")}
                backed_up = service(container) == "backup" and mount["target"].startswith("/volumes/")
                reads = holds_files or backed_up or (service(container), mount["target"]) in only_read
                assert mount["readOnly"] is reads, f"{service(container)} {mount['target']}"


def test_joins_the_networks_of_the_platform_only(plan: Plan) -> None:
    known = zones(plan)
    for container in workloads(plan):
        networks = container.inputs.get("networksAdvanced") or []
        assert networks or service(container) == "restore-drill", service(container)
        assert bool(networks) is (container.inputs.get("networkMode") is None)
        for network in networks:
            assert network["name"] in known
            assert network["aliases"] == [service(container)]


def test_each_service_is_where_it_must_be(plan: Plan) -> None:
    known = zones(plan)
    found = {service(c): {known[n["name"]] for n in c.inputs.get("networksAdvanced", [])} for c in workloads(plan)}

    assert {name: found[name] for name in (*STORES, *APPLICATION, "traefik", "socket-proxy")} == {
        "postgres": {"data"},
        "redis": {"data"},
        "minio": {"data", "monitoring"},
        "app": {"application", "data", "monitoring"},
        "migrate": {"data"},
        "traefik": {"edge", "application", "control", "monitoring"},
        "socket-proxy": {"control"},
    }


def test_only_stores_and_application_are_on_the_data_network(plan: Plan) -> None:
    known = zones(plan)
    joined = {
        service(c)
        for c in workloads(plan)
        if "data" in {known[network["name"]] for network in c.inputs.get("networksAdvanced", [])}
    }

    assert not joined & {"traefik", "socket-proxy", "grafana", "prometheus"}
    others = {"postgres-exporter", "redis-exporter", "postgres-monitor-role", *(f"{store}-login" for store in STORES)}
    assert joined - {"backup"} == STORES | APPLICATION | others


def test_only_the_edge_and_the_application_have_a_way_out(plan: Plan) -> None:
    internal = {labels(network)["io.slidegenie.zone"]: network.inputs["internal"] for network in plan.of_type(NETWORK)}

    assert internal == {"edge": False, "application": False, "data": True, "monitoring": True, "control": True}


def test_a_seed_never_runs_and_has_no_network(plan: Plan) -> None:
    assert seeds(plan)
    for seed in seeds(plan):
        assert (seed.inputs["start"], seed.inputs["mustRun"]) == (False, False), seed.name
        assert seed.inputs["networkMode"] == "none", seed.name
        assert "networksAdvanced" not in seed.inputs, seed.name
        assert {mount["type"] for mount in seed.inputs["mounts"]} == {"volume"}, seed.name


def test_everything_carries_the_label_of_its_stack(plan: Plan) -> None:
    for kind in (CONTAINER, NETWORK, "docker:index/volume:Volume"):
        for resource in plan.of_type(kind):
            assert labels(resource)["io.slidegenie.stack"] == f"slidegenie/{plan.stack}", resource.name


def test_compose_finds_every_workload(plan: Plan) -> None:
    for container in workloads(plan):
        compose = {key.removeprefix("com.docker.compose."): value for key, value in labels(container).items()}
        assert compose["project"] == f"slidegenie-{plan.stack}"
        assert compose["oneoff"] == "False"
        assert re.fullmatch("[0-9a-f]{64}", compose["config-hash"])
        assert compose["project.config_files"] == f"Pulumi.{plan.stack}.yaml"


def test_replicas_are_numbered(plans: dict[str, Plan]) -> None:
    numbers = [
        labels(container)["com.docker.compose.container-number"]
        for container in workloads(plans["prod"])
        if service(container) == "app"
    ]

    assert sorted(numbers) == ["1", "2", "3"]
