"""The supply chain as resources: which steps there are, in which order, and what their hooks do and refuse."""

import asyncio
import base64
import datetime
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_random as random
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from components import (
    Files,
    FilesArgs,
    FilesMount,
    Foundation,
    FoundationArgs,
    HealthCheck,
    Limits,
    Server,
    ServerArgs,
    Zone,
)
from components.images.backend_image import BackendImageArgs, admitted_backend
from components.images.image import without_tag
from components.images.supply_chain import Admission, AdmissionArgs, CheckedImage, Checks, SupplyChainError, login
from components.images.supply_chain.admission import key_pair
from components.images.supply_chain.push import by_digest
from components.images.variants import image_variant
from components.settings import Require, SettingsError, parse_settings
from slidegenie.compose import runner as compose
from slidegenie.compose.runner import ComposeRunner
from slidegenie.console import Problem
from slidegenie.plan import Plan, Resource, StackProgram
from slidegenie.runner import UpOptions
from slidegenie.user_folder import UserFolder

from ..planned import BUILD, CONTAINER, REMOTE_IMAGE, application, platform, recorded, service, workloads

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = "random:index/randomId:RandomId"
PROVIDER = "pulumi:providers:docker"
DIGEST = "sha256:" + "a" * 64
IMAGE = f"registry.example.com/slidegenie/backend@{DIGEST}"
REGISTRY = {"address": "registry.example.com", "platforms": ["linux/amd64"]}
SECRETS = {"registryPassword": "registry-password"}
PUSHED: dict[str, Any] = {"registry": REGISTRY, "secrets": SECRETS}
ENFORCED = {"require": "enforce"}


def steps(plan: Plan) -> list[str]:
    """Return the roles of the markers, each after what it waits for."""
    markers = plan.of_type(MARKER)
    for before, after in itertools.pairwise(markers):
        assert before.urn in after.dependencies, f"{after.name} does not wait for {before.name}"
    return [marker.name.rpartition("-")[2] for marker in markers]


def image_of(plan: Plan, name: str) -> Any:
    return {service(container): container for container in workloads(plan)}[name].inputs["image"]


def admission(**sections: Any) -> Plan:
    """Return the plan of the backend's image alone: a twentieth of the platform, and all that its checks are about."""
    settings = parse_settings(sections, "Pulumi.test.yaml")
    args = BackendImageArgs(
        image=settings.backend.image,
        variant=image_variant(settings.backend.variant, settings.backend.target),
        release=settings.backend.release,
        images=settings.images,
        engine=settings.engine,
        registry=settings.registry,
        supply_chain=settings.supply_chain,
        secrets=settings.secrets,
    )

    def program() -> None:
        parent = pulumi.ComponentResource("slidegenie:index:Backend", "slidegenie-app")
        pulumi.export("image", admitted_backend("slidegenie-app", args, parent=parent))

    return recorded(program)


def test_an_image_that_stays_on_the_engine_is_scanned() -> None:
    plan = application()

    assert steps(plan) == ["scan"]
    assert image_of(plan, "app") == image_of(plan, "migrate") == "slidegenie/backend:latest-slidegenie-test"


def given(image: str) -> dict[str, Any]:
    """Return the settings of a ready image."""
    return {"image": image, "healthCommand": ["/app", "health"]}


def test_a_pushed_image_is_scanned_signed_verified_and_only_then_tagged() -> None:
    plan = admission(**PUSHED, supplyChain=ENFORCED)

    assert steps(plan) == ["scan", "sign", "verify", "tag"]
    markers = plan.of_type(MARKER)
    assert {marker.inputs["keepers"]["image"] for marker in markers} == {
        "registry.example.com/slidegenie/backend:0.0.0-dev"
    }
    assert markers[-1].inputs["keepers"]["tags"] == "latest 0.0.0-dev"


def test_a_given_image_is_verified_and_never_signed_or_tagged() -> None:
    plan = application(backend=given(f"registry.example.com/slidegenie/backend:1.2.3@{DIGEST}"), supplyChain=ENFORCED)

    assert steps(plan) == ["scan", "verify"]
    assert image_of(plan, "app") == IMAGE
    assert {build.name for build in plan.of_type(BUILD)} == {"slidegenie-seed"}


def test_a_given_tag_is_scanned_as_what_the_engine_has_under_it_and_refused_where_signatures_count() -> None:
    backend = given("registry.example.com/slidegenie/backend:1.2.3")

    assert steps(admission(backend=backend, supplyChain={"require": "warn"})) == ["scan"]
    with pytest.raises(SettingsError, match=r"backend\.image: needs a digest with supplyChain\.require: enforce"):
        admission(backend=backend, supplyChain=ENFORCED)


@pytest.mark.parametrize("mirror", [None, "mirror.example.com"])
def test_what_a_rollback_names_runs_as_it_is_and_is_checked_like_any_other(mirror: str | None) -> None:
    images = {"mirror": mirror} if mirror else {}
    kept = admission(backend=given(DIGEST), supplyChain=ENFORCED, images=images)
    assert steps(kept) == ["scan"]
    assert kept.outputs["image"] == DIGEST
    assert not [image for image in kept.of_type(REMOTE_IMAGE) if image.name == "slidegenie-app"]

    registered = admission(backend=given(IMAGE), supplyChain=ENFORCED)
    assert steps(registered) == ["scan", "verify"]
    assert registered.outputs["image"] == IMAGE


def test_what_the_stack_pushed_is_not_looked_for_in_the_mirror() -> None:
    pushed = admission(**PUSHED, backend=given(IMAGE), supplyChain=ENFORCED, images={"mirror": "mirror.example.com"})

    assert pushed.outputs["image"] == IMAGE


@pytest.mark.parametrize("image", [f"acme/backend@{DIGEST}", f"docker.io/acme/backend@{DIGEST}"])
def test_what_it_pushed_to_docker_hub_is_not_either_whichever_name_the_hub_goes_by(image: str) -> None:
    hub = {"address": "docker.io", "namespace": "acme", "platforms": ["linux/amd64"]}
    mirrored = {"mirror": "mirror.example.com"}
    plan = admission(registry=hub, secrets=SECRETS, backend=given(image), supplyChain=ENFORCED, images=mirrored)

    assert plan.outputs["image"] == image


def test_off_leaves_push_and_tags_only() -> None:
    plan = admission(**PUSHED, supplyChain={"require": "off"})

    assert steps(plan) == ["tag"]
    assert steps(admission(supplyChain={"require": "off"})) == []


def test_the_image_is_pulled_after_the_checks_with_the_login_of_the_registry() -> None:
    plan = admission(**PUSHED)
    pull = plan.named("slidegenie-app", REMOTE_IMAGE)
    provider = plan.named("slidegenie-app-registry", PROVIDER)

    assert plan.named("slidegenie-app-tag", MARKER).urn in pull.dependencies
    assert "registry-password" not in repr(provider.inputs)


def test_the_build_is_pushed_for_its_platforms_and_survives_its_replacement() -> None:
    build = admission(**PUSHED).named("slidegenie-app", BUILD)

    assert build.inputs["push"] is True
    assert build.inputs["exec"] is True
    assert build.inputs["platforms"] == ["linux/amd64"]
    assert build.inputs["tags"] == ["registry.example.com/slidegenie/backend:candidate-latest"]
    assert build.inputs["buildOnPreview"] is False
    assert build.retain_on_delete is True
    assert "registry-password" not in repr(build.inputs)


@pytest.mark.parametrize("address", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_is_logged_in_to_by_the_name_that_the_provider_knows(address: str) -> None:
    build = admission(registry=REGISTRY | {"address": address}, secrets=SECRETS).named("slidegenie-app", BUILD)

    assert [registry["address"] for registry in build.inputs["registries"]] == ["docker.io"]
    assert build.inputs["tags"] == [f"{address}/slidegenie/backend:candidate-latest"]


def test_a_builder_of_its_own_pushes_all_platforms_by_digest_alone() -> None:
    registry = {"address": "registry.example.com", "builder": "slidegenie"}
    build = admission(registry=registry, secrets=SECRETS).named("slidegenie-app", BUILD)

    assert build.inputs["platforms"] == ["linux/amd64", "linux/arm64"]
    (export,) = build.inputs["exports"]
    assert export == {"raw": by_digest("registry.example.com/slidegenie/backend")}
    assert "push-by-digest=true" in export["raw"]
    assert "tags" not in build.inputs
    assert build.inputs["push"] is False


def test_a_build_takes_layers_from_another_machines_where_the_stack_says_so() -> None:
    def caches(**registry: Any) -> tuple[Any, Any]:
        plan = admission(registry=REGISTRY | registry, secrets=SECRETS)
        inputs = plan.named("slidegenie-app", BUILD).inputs
        return inputs.get("cacheFrom"), inputs.get("cacheTo")

    repository = "registry.example.com/slidegenie/backend"
    assert caches() == (None, None)
    assert caches(cache="inline") == (
        [{"raw": f"type=registry,ref={repository}:latest"}],
        [{"raw": "type=inline"}],
    )
    place = f"type=registry,ref={repository}:cache-latest"
    assert caches(cache="registry", builder="slidegenie") == ([{"raw": place}], [{"raw": f"{place},mode=max"}])


def test_another_signer_is_another_verification(tmp_path: Path) -> None:
    key = tmp_path / "cosign.pub"

    def verification() -> Resource:
        backend = given(f"registry.example.com/slidegenie/backend:1@{DIGEST}")
        supply_chain = {"require": "enforce", "publicKey": str(key)}
        return admission(backend=backend, supplyChain=supply_chain).named("slidegenie-app-verify", MARKER)

    key.write_text("one", encoding="utf-8")
    first = verification().inputs["keepers"]
    key.write_text("two", encoding="utf-8")
    assert verification().inputs["keepers"] != first
    key.unlink()
    assert f"missing {key}" in verification().inputs["keepers"]["signer"]


def test_a_generated_key_is_a_secret_and_its_public_half_is_not() -> None:
    plan = admission(**PUSHED)
    key = plan.named("slidegenie-app-key", "slidegenie:index:GeneratedKey")

    assert key.outputs["public"].startswith("-----BEGIN PUBLIC KEY-----")
    assert not any("PRIVATE KEY" in repr(resource) for resource in plan.resources)
    assert plan.named("slidegenie-app-key", "random:index/randomPassword:RandomPassword").protect


def test_a_key_pair_belongs_together_and_is_always_the_same() -> None:
    seed = base64.b64encode(bytes(range(32))).decode()
    private, public = key_pair(seed)

    assert key_pair(seed) == (private, public)
    loaded = load_pem_private_key(private.encode(), None)
    assert loaded.public_key() == load_pem_public_key(public.encode())


class Hooks:
    """Catches the hooks a program registers, and runs them as the engine would before a marker is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: dict[str, Callable[[pulumi.ResourceHookArgs], Any]] = {}
        self.warned: list[str] = []
        real = pulumi.ResourceHook

        def catch(name: str, callback: Any) -> pulumi.ResourceHook:
            self.found[name] = callback
            return real(name, callback)

        monkeypatch.setattr(pulumi, "ResourceHook", catch)
        monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: self.warned.append(text))

    def run(self, role: str, image: str = IMAGE) -> None:
        args = pulumi.ResourceHookArgs(
            urn="urn", id="", name="marker", type=MARKER, new_inputs={"keepers": {"image": image}}
        )
        asyncio.run(self.found[f"slidegenie-app-{role}"](args))


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Hooks:
    return Hooks(monkeypatch)


def admitted(require: str, **rest: Any) -> None:
    settings = AdmissionArgs(image=IMAGE, pushed=True).settings.model_copy(update={"require": Require(require)})
    recorded(lambda: Admission("app", AdmissionArgs(image=IMAGE, pushed=True, settings=settings, **rest)))


def refuse(_: Checks, subject: CheckedImage) -> None:
    raise SupplyChainError(f"{subject.reference} was refused")


@pytest.mark.parametrize("role", ["scan", "verify"])
def test_a_refusal_stops_where_it_is_enforced(hooks: Hooks, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    monkeypatch.setattr(Checks, role, refuse)
    admitted("enforce")

    with pytest.raises(SupplyChainError) as raised:
        hooks.run(role)
    assert str(raised.value) == f"{role}: {IMAGE} was refused\nNo container was replaced."


@pytest.mark.parametrize("role", ["scan", "verify"])
def test_a_refusal_is_only_said_where_it_is_a_warning(hooks: Hooks, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    monkeypatch.setattr(Checks, role, refuse)
    admitted("warn")

    hooks.run(role)

    assert hooks.warned == [f"{role}: {IMAGE} was refused\nsupplyChain.require is warn: the rollout goes on."]


@pytest.mark.parametrize("require", ["off", "warn", "enforce"])
def test_a_tag_that_cannot_be_given_is_a_failure_everywhere(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, require: str
) -> None:
    monkeypatch.setattr(Checks, "tag", lambda _self, subject, _tags: refuse(_self, subject))
    admitted(require, tags=("latest",))

    with pytest.raises(SupplyChainError, match=r"^tag: "):
        hooks.run("tag")


def test_a_step_knows_the_image_the_engine_is_about_to_admit(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[CheckedImage] = []
    monkeypatch.setattr(Checks, "verify", lambda _self, subject: seen.append(subject))
    admitted("enforce")

    hooks.run("verify", "other@sha256:" + "b" * 64)

    assert seen == [CheckedImage(reference="other@sha256:" + "b" * 64, pushed=True)]


def test_a_broken_policy_stops_like_a_refusal(hooks: Hooks, tmp_path: Path) -> None:
    settings = AdmissionArgs(image=IMAGE, pushed=True).settings.model_copy(
        update={"require": Require.ENFORCE, "scan_policy": str(tmp_path / "none.yml")}
    )
    recorded(lambda: Admission("app", AdmissionArgs(image=IMAGE, pushed=True, settings=settings)))

    with pytest.raises(SupplyChainError, match=r"scan: .*none\.yml: cannot be read"):
        hooks.run("scan")


@pytest.mark.parametrize(
    ("reference", "plain"),
    [
        (f"host:5000/space/name:1.2@{DIGEST}", f"host:5000/space/name@{DIGEST}"),
        (f"host:5000/space/name@{DIGEST}", f"host:5000/space/name@{DIGEST}"),
        (f"name:1.2@{DIGEST}", f"name@{DIGEST}"),
    ],
)
def test_a_tag_beside_a_digest_goes(reference: str, plain: str) -> None:
    assert without_tag(reference) == plain


def test_without_a_registry_the_users_own_login_counts() -> None:
    args = AdmissionArgs(image=IMAGE, pushed=True)

    assert login(args.registry, args.secrets) is None


def test_no_container_not_even_one_that_only_writes_files_comes_before_the_stack_is_cleared() -> None:
    def program() -> None:
        foundation = Foundation("base", FoundationArgs())
        # Declared before anything is known to hold it, as the data stores of the platform are.
        rules = Files("rules", FilesArgs(foundation=foundation, files={"a": "b"}))
        limits, health = Limits(memory_mib=32), HealthCheck(command=["true"])
        place: dict[str, Any] = {"foundation": foundation, "zones": (Zone.APPLICATION,), "limits": limits}
        files = [FilesMount(files=rules, path="/rules")]
        Server("other", ServerArgs(**place, service="other", image="other:1", health=health, files=files))

        async def slow() -> str:
            await asyncio.sleep(0.3)
            return "checked"

        foundation.wait_for(random.RandomId("gate", byte_length=1, keepers={"is": slow()}).hex)

    registered = recorded(program).resources
    gate = next(index for index, resource in enumerate(registered) if resource.name == "gate")
    containers = [index for index, resource in enumerate(registered) if resource.type == CONTAINER]
    assert len(containers) == 2
    assert min(containers) > gate


def test_the_day_an_acceptance_ends_makes_a_scan_due(tmp_path: Path) -> None:
    policy, today = tmp_path / "policy.yml", datetime.datetime.now(datetime.UTC).date()

    def scanned(expires: datetime.date) -> Any:
        entry = f"{{id: CVE-2026-1, reason: not reachable from here, expires: {expires}}}"
        policy.write_text(f"ignore: [{entry}]", encoding="utf-8")
        plan = admission(supplyChain={"scanPolicy": str(policy)})
        return plan.named("slidegenie-app-scan", MARKER).inputs["keepers"]

    assert "expired" not in scanned(today)
    assert scanned(today - datetime.timedelta(days=1))["expired"] == "CVE-2026-1"


def test_no_container_of_the_platform_comes_before_its_image_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*args: Any, **options: Any) -> pulumi.Output[str]:
        async def wait() -> str:
            await asyncio.sleep(1)
            return "admitted"

        gate = random.RandomId("gate", byte_length=1, keepers={"is": wait()}).hex
        return pulumi.Output.all(admitted_backend(*args, **options), gate).apply(lambda values: str(values[0]))

    monkeypatch.setattr("components.backend.admitted_backend", slow)
    registered = platform().resources
    gate = next(index for index, resource in enumerate(registered) if resource.name == "gate")
    early = [resource.name for resource in registered[:gate] if resource.type == CONTAINER]

    assert early == []
    assert len([resource for resource in registered[gate:] if resource.type == CONTAINER]) > 10


def test_compose_runs_no_stack_that_asks_for_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_runs(*_: object, **__: object) -> None:
        pytest.fail("the stack was brought up")

    (tmp_path / "Pulumi.yaml").write_text("name: slidegenie\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.prod.yaml").write_text(
        "config: {'slidegenie:supplyChain': {require: enforce}}", encoding="utf-8"
    )
    monkeypatch.setattr(compose, "plugin", lambda _: True)
    monkeypatch.setattr(compose, "compose_project", nothing_runs)
    with pytest.raises(Problem, match=r"stack prod runs checked images only \(supplyChain\.require: enforce\)"):
        ComposeRunner(StackProgram.read(tmp_path, "prod"), UserFolder(tmp_path / "home")).up(UpOptions())
