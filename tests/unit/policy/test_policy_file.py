"""`security/container-security.yml`: what a security engineer may write there, and what each mistake says."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.policy import ContainerPolicy, Exceptions, default_policy, load_policy, parse, schema
from components.core.policy_rules import RULE_FIELDS
from components.settings import Enforcement, PolicySettings, SettingsError
from slidegenie.policy.judge import CHECKS

from ..planned import CONTAINER, labels, platform
from ..plans import ROOT

FILE = ROOT / "security" / "container-security.yml"
TEXT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
GRANT = {"container": "app", "rule": "user", "reason": "agreed with security, ticket 7", "expires": "2026-12-31"}


def problems(change: Any) -> list[str]:
    """Return what is said when `change` was made to the file."""
    values = copy.deepcopy(TEXT)
    change(values)
    with pytest.raises(SettingsError) as raised:
        parse(ContainerPolicy, values, "policy.yml")
    return raised.value.problems


def test_every_rule_has_a_function_and_every_function_a_rule() -> None:
    assert [check.id for check in CHECKS] == [check.id for check in CHECKS if check.id in TEXT["rules"]]
    assert {check.id for check in CHECKS} == set(TEXT["rules"]) == set(RULE_FIELDS)
    assert len(CHECKS) == len(RULE_FIELDS)


def test_every_container_item_of_the_benchmark_is_answered_once() -> None:
    judged = [item for rule in TEXT["rules"].values() for item in rule.get("cis", []) if item.startswith("5.")]
    elsewhere = [item["cis"] for item in TEXT["elsewhere"]]

    assert sorted(judged + elsewhere) == sorted(f"5.{number}" for number in range(1, 33))


def test_every_exception_names_what_it_excuses_why_and_until_when() -> None:
    for grant in default_policy().exceptions:
        assert len(grant.reason.split()) >= 8, grant
        assert grant.only or grant.rule in ("groups", "user"), (
            f"{grant.container}: name what of {grant.rule} is excused"
        )


def test_the_schema_describes_the_file_and_is_fresh() -> None:
    committed = (ROOT / "security" / "container-security.schema.json").read_text(encoding="utf-8")

    assert committed == schema()
    document = json.loads(committed)
    assert document["additionalProperties"] is False
    assert set(document["$defs"]["Rules"]["required"]) == set(TEXT["rules"])
    assert FILE.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=container-security.schema.json")


def test_an_editor_that_knows_the_schema_accepts_the_file_and_refuses_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(FILE.read_text(encoding="utf-8").replace("\n  init:", "\n  innit:"), encoding="utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(FILE.with_suffix(".schema.json"))]

    assert subprocess.run([*check, str(FILE)], capture_output=True, check=False).returncode == 0
    refused = subprocess.run([*check, str(wrong)], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "'innit' was unexpected" in refused.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda v: v["hardening"].update(readOnlyRot=True),
            ["hardening.readOnlyRot: is not a known key; did you mean hardening.readOnlyRoot?"],
        ),
        (lambda v: v["rules"].pop("user"), ["rules.user: is required; add it"]),
        (lambda v: v["rules"].update(usr={}), ["rules.usr: is not a known key; did you mean rules.user?"]),
        (lambda v: v["rules"]["pids"].update(max="many"), ["rules.pids.max: must be a whole number; got 'many'"]),
        (
            lambda v: v["hardening"].update(user="root"),
            ["hardening.user: has the wrong form; got 'root', write it like 1000:1000"],
        ),
        (
            lambda v: v["rules"]["secrets"].update(names="("),
            [
                (
                    "rules.secrets.names: must be regular expressions; got '(':"
                    " missing ), unterminated subpattern at position 0"
                )
            ],
        ),
        (
            lambda v: v["hardening"].update(securityOptions=["no-new-privileges:true", "seccomp=unconfined"]),
            [
                (
                    "hardening.securityOptions: must be one or more of no-new-privileges, no-new-privileges=true,"
                    " seccomp=builtin, apparmor=docker-default, label=type:container_t, or the library's own containers"
                    " break the rules below"
                )
            ],
        ),
        (
            lambda v: v["hardening"].update(readOnlyRoot=False, restart="no", logDriver="json-file", logOptions={}),
            [
                (
                    "hardening.logDriver: must be one of local, journald, syslog, gelf, fluentd, awslogs, gcplogs,"
                    " splunk, none, or logOptions must have max-size, or the library's own containers break the rules"
                    " below"
                ),
                "hardening.readOnlyRoot: must be true, or the library's own containers break the rules below",
                (
                    "hardening.restart: must be one of always, unless-stopped, on-failure, or the library's own"
                    " containers break the rules below"
                ),
            ],
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_do(change: Any, said: list[str]) -> None:
    assert problems(change) == said


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ({**GRANT, "expires": None}, "exceptions.0.expires: "),
        ({k: v for k, v in GRANT.items() if k != "expires"}, "exceptions.0.expires: is required; add it"),
        ({**GRANT, "reason": "ok"}, "exceptions.0.reason: string should have at least 20 characters; got 'ok'"),
        ({**GRANT, "rule": "usr"}, "exceptions.0.rule: must be one of user, groups, privileged, capabilities,"),
        ({**GRANT, "until": "later"}, "exceptions.0.until: is not a known key"),
    ],
)
def test_an_exception_without_reason_rule_or_end_is_refused(grant: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse(Exceptions, {"exceptions": [grant]}, "ours.yml")
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(said)


def test_a_stack_adds_exceptions_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ours.yml").write_text(yaml.safe_dump({"exceptions": [GRANT]}), encoding="utf-8")

    policy = load_policy(PolicySettings(exceptions="ours.yml"), tmp_path)

    assert [grant.container for grant in policy.exceptions[-1:]] == ["app"]
    assert policy.exceptions[:-1] == default_policy().exceptions
    assert policy.rules == default_policy().rules


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"policy\.yml: cannot be read \(No such file or directory\); see policy\.file$"),
        (b"a: [", r"policy\.yml: is not YAML: "),
        (b"\xff\xfe", r"policy\.yml: is not UTF-8 text; save it as UTF-8$"),
        (b"- 1", r"policy\.yml: must be a group with the keys hardening, rules, elsewhere, exceptions; got list$"),
        (b"", r"policy\.yml: must be a group with the keys .*; got NoneType$"),
    ],
)
def test_a_file_that_cannot_be_read_is_no_policy(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "policy.yml").write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        load_policy(PolicySettings(file="policy.yml"), tmp_path)


def test_a_last_day_that_no_calendar_has_is_one_line(tmp_path: Path) -> None:
    # Not dumped: a date that cannot be is only there in text.
    text = yaml.safe_dump({"exceptions": [{**GRANT, "expires": "LAST"}]}).replace("LAST", "2026-06-31")
    (tmp_path / "ours.yml").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError) as raised:
        load_policy(PolicySettings(exceptions="ours.yml"), tmp_path)
    assert raised.value.problems == [
        "exceptions.0.expires: must be a valid date or datetime, day value is outside expected range; got '2026-06-31'"
    ]


def test_the_workloads_are_what_the_file_says(tmp_path: Path) -> None:
    """Another file, other containers: nothing of the hardening is written down a second time."""
    values = copy.deepcopy(TEXT)
    values["hardening"] |= {
        "user": "2000:3000",
        "securityOptions": ["no-new-privileges:true", "label=type:container_t"],
        "dropCapabilities": ["ALL", "CAP_MKNOD"],
        "init": False,
        "restart": "on-failure",
        "logDriver": "journald",
        "logOptions": {"tag": "x"},
        "tmpfsOptions": ["noexec", "nosuid", "nodev"],
        "cpus": 2,
        "pids": 300,
    }
    file = tmp_path / "ours.yml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")

    plan = platform(policy={"file": str(file)}, postgres={"limits": {"cpus": 0.5, "pids": 128}})
    container = plan.named("slidegenie-redis-1", CONTAINER)
    inputs = container.inputs

    assert inputs["user"] == "2000:3000"
    assert inputs["securityOpts"] == ["no-new-privileges:true", "label=type:container_t"]
    assert inputs["capabilities"] == {"drops": ["ALL", "CAP_MKNOD"]}
    assert inputs["readOnly"] is True
    assert inputs["init"] is False
    assert inputs["restart"] == "on-failure"
    assert (inputs["logDriver"], inputs["logOpts"]) == ("journald", {"tag": "x"})
    assert list(inputs["tmpfs"].values()) == ["noexec,nosuid,nodev,size=16m,uid=2000,gid=3000,mode=0700"]
    assert (inputs["cpus"], labels(container)["io.slidegenie.pids-limit"]) == ("2.0", "300")
    said = plan.named("slidegenie-postgres-1", CONTAINER)
    assert (said.inputs["cpus"], labels(said)["io.slidegenie.pids-limit"]) == ("0.5", "128")


def test_production_is_mandatory_and_the_rest_advisory() -> None:
    levels = {
        stack: (yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"])
        .get("slidegenie:policy", {})
        .get("enforcement", PolicySettings().enforcement.value)
        for stack in ("dev", "prod", "airgap")
    }

    assert levels == {"dev": "advisory", "prod": "mandatory", "airgap": "advisory"}
    assert PolicySettings().enforcement is Enforcement.ADVISORY
