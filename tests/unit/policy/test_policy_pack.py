"""The policy pack: what it answers when Pulumi asks, as Pulumi would ask it."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from components.core.policy import default_policy
from components.settings import Enforcement, PolicySettings, SettingsError
from slidegenie.policy.normalized import CONTAINER
from slidegenie.policy.pack import known, pack_policies, settings_beside, stack_settings
from slidegenie.policy.rule import UNKNOWN

from .policy_cases import GOOD, SECRET, TODAY

BUILD = "docker-build:index:Image"
OLDER_BUILD = "docker:index/image:Image"


class Pack:
    """The pack, without Pulumi."""

    def __init__(self, today: datetime.date = TODAY) -> None:
        self.policies = pack_policies(default_policy(), lambda: today)

    def ask(self, properties: dict[str, Any], kind: str = CONTAINER, name: str = "theirs") -> dict[str, list[str]]:
        """Return what each policy reports about a resource."""
        said: dict[str, list[str]] = {}
        for policy in self.policies:
            assert isinstance(policy, ResourceValidationPolicy)

            def report(message: str, urn: str | None = None, name: str = policy.name) -> None:
                assert urn is None
                said.setdefault(name, []).append(message)

            policy.validate(self.asked(properties, kind, name), report)
        return said

    @staticmethod
    def asked(properties: dict[str, Any], kind: str, name: str) -> ResourceValidationArgs:
        nothing: Any = None
        props: Any = unknown_checking_proxy(properties)
        return ResourceValidationArgs(kind, props, f"urn:{name}", name, nothing, None, None)


def test_a_good_container_is_passed_in_silence() -> None:
    assert Pack().ask(dict(GOOD)) == {}


def test_what_is_wrong_is_reported_under_the_rules_name_with_danger_and_fix_and_no_value() -> None:
    said = Pack().ask({**GOOD, "user": "0", "envs": [f"DB_PASSWORD={SECRET}"]})

    rules = default_policy().rules
    assert said == {
        "user": [f"theirs: user is root\n  danger: {rules.user.danger}\n  fix: {rules.user.fix}"],
        "secrets": [
            (
                'theirs: envs["DB_PASSWORD"] is a secret by its name\n'
                f"  danger: {rules.secrets.danger}\n  fix: {rules.secrets.fix}"
            )
        ],
    }


def test_what_a_preview_does_not_know_is_said_once_and_never_stops_it() -> None:
    pack = Pack()
    said = pack.ask({**GOOD, "image": UNKNOWN_STRING_VALUE, "user": "0"})

    assert set(said) == {"user", "notJudged"}
    assert said["notJudged"] == [
        "theirs: imageSource, imagePinned cannot be judged in preview: image is not known before the update"
    ]
    levels = {policy.name: policy.enforcement_level for policy in pack.policies}
    assert levels.pop("notJudged") is EnforcementLevel.ADVISORY
    assert set(levels.values()) == {None}, "all others are as strict as the stack's settings say"


def test_an_exception_holds_in_pulumi_as_it_does_in_the_plan() -> None:
    excused = {**GOOD, "groupAdds": ["999"]}
    excused["labels"] = [*GOOD["labels"], {"label": "com.docker.compose.service", "value": "socket-proxy"}]

    assert Pack().ask(excused) == {}
    (late,) = Pack(datetime.date(2028, 1, 1)).ask(excused)["groups"]
    assert "; its exception expired on 2027-12-31: renew or remove it" in late


def test_an_image_that_the_same_program_builds_needs_no_registry() -> None:
    pack, image = Pack(), {"name": "team/reports:1"}
    remote = "docker:index/remoteImage:RemoteImage"

    assert set(pack.ask(image, remote)) == {"imageSource"}
    assert pack.ask({"tags": ["team/reports:1"]}, BUILD) == {}
    assert pack.ask(image, remote) == {}


@pytest.mark.parametrize(
    "build",
    [
        {"exports": [{"raw": "type=image,name=ghcr.io/acme/backend,push=true,push-by-digest=true"}]},
        {"exports": [{"raw": 'type=registry,"name=ghcr.io/acme/other:1,ghcr.io/acme/backend:1"'}]},
        {"push": True, "tags": ["ghcr.io/acme/backend:candidate"]},
    ],
)
def test_an_image_that_the_same_program_pushes_is_known_by_whatever_digest_it_gets(build: dict[str, Any]) -> None:
    pack, image = Pack(), {**GOOD, "image": "ghcr.io/acme/backend@sha256:" + "d" * 64}

    assert set(pack.ask(image)) == {"imageSource"}
    assert pack.ask(build, BUILD) == {}
    assert pack.ask(image) == {}
    assert set(pack.ask({**GOOD, "image": "ghcr.io/acme/backend-of-others@sha256:" + "d" * 64})) == {"imageSource"}


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        ({"tags": ["team/reports:1"]}, BUILD),
        ({"tags": ["team/reports:1"], "push": UNKNOWN_STRING_VALUE, "exports": UNKNOWN_STRING_VALUE}, BUILD),
        ({"exports": [{"raw": "type=image,name=team/reports"}, {"raw": UNKNOWN_STRING_VALUE}]}, BUILD),
        ({"imageName": "team/reports:1", "skipPush": True}, OLDER_BUILD),
    ],
)
def test_what_is_built_and_not_pushed_vouches_for_no_digest_of_a_registry(build: dict[str, Any], kind: str) -> None:
    pack, image = Pack(), {**GOOD, "image": "team/reports@sha256:" + "d" * 64}
    pack.ask(build, kind)

    assert set(pack.ask(image)) == {"imageSource"}


def test_the_older_build_pushes_unless_it_is_told_not_to() -> None:
    pack = Pack()
    pack.ask({"imageName": "team/reports:1"}, OLDER_BUILD)

    assert pack.ask({**GOOD, "image": "docker.io/team/reports:1@sha256:" + "d" * 64}) == {}


def test_a_container_on_the_network_of_control_is_caught_after_the_network_was_asked_about() -> None:
    pack, network = Pack(), "docker:index/network:Network"
    labels = [{"label": "io.slidegenie.zone", "value": "control"}]

    assert pack.ask({"name": "c-1a2b", "internal": True, "labels": labels}, network) == {}
    assert set(pack.ask({**GOOD, "networksAdvanced": [{"name": "c-1a2b"}]})) == {"network"}
    assert set(pack.ask({**GOOD, "networksAdvanced": [], "networkMode": "c-1a2b"})) == {"network"}
    # Pulumi never tells a policy which ID that network got.
    assert set(pack.ask({**GOOD, "networksAdvanced": [{"name": "f" * 64}]})) == {"notJudged"}


def test_other_resources_are_nobodys_business() -> None:
    assert Pack().ask({"length": 8}, "random:index/randomPassword:RandomPassword") == {}


def test_values_are_taken_out_of_pulumis_wrapping() -> None:
    wrapped: Any = unknown_checking_proxy({"a": [{"b": UNKNOWN_STRING_VALUE, "c": 1}, "d"], "e": True})

    assert known(wrapped) == {"a": [{"b": UNKNOWN, "c": 1}, "d"], "e": True}


@pytest.mark.parametrize(
    ("configuration", "level"),
    [
        ({}, Enforcement.ADVISORY),
        ({"reports:other": "{}"}, Enforcement.ADVISORY),
        ({"reports:policy": '{"enforcement": "mandatory"}'}, Enforcement.MANDATORY),
        ({"reports:policy": {"enforcement": "disabled"}}, Enforcement.DISABLED),
        ({"slidegenie:policy": '{"enforcement": "mandatory"}'}, Enforcement.ADVISORY),
    ],
)
def test_the_stacks_own_settings_decide_how_strict_it_is(configuration: dict[str, Any], level: Enforcement) -> None:
    assert stack_settings(configuration, "reports") == PolicySettings(enforcement=level)
    assert EnforcementLevel(level.value).value == level.value


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('{"enforcement": "strict"}', "enforcement: must be one of advisory, mandatory, disabled; got 'strict'"),
        ("advisory", "must be a group with the keys enforcement, file, exceptions, registries; got str"),
        ("{advisory", "must be a group with the keys enforcement, file, exceptions, registries; got str"),
    ],
)
def test_a_wrong_setting_is_one_line(section: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        stack_settings({"reports:policy": section}, "reports")
    assert raised.value.problems == [said]


def test_a_pack_of_another_checkout_goes_by_the_stack_file_beside_it(tmp_path: Path) -> None:
    """Else a change would say itself how strictly it is judged."""
    assert settings_beside(tmp_path, "prod") is None
    (tmp_path / "Pulumi.yaml").write_text("name: reports\n", encoding="utf-8")
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config:\n  reports:policy:\n    enforcement: mandatory\n", encoding="utf-8")
    assert settings_beside(tmp_path, "prod") == PolicySettings(enforcement=Enforcement.MANDATORY)
    file.write_text("config: {}\n", encoding="utf-8")
    assert settings_beside(tmp_path, "prod") == PolicySettings(), "nothing said here is nothing for the change to say"
    file.write_text("settings: {}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is no key of a stack file"):
        settings_beside(tmp_path, "prod")
