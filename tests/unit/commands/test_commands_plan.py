"""`make plan`: what a person and a pipe see."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.settings import SettingsError
from slidegenie.__main__ import main
from slidegenie.plan.as_json import render_json
from slidegenie.plan.program import StackProgram
from slidegenie.plan.record import Secret
from slidegenie.plan.render import render_diagram, render_tree

from ..plans import (
    ROOT,
    STACKS,
    compose_of,
    container,
    in_a_program,
    made_of,
    mount,
    network,
    plan_of,
    seed,
    upload,
    volume,
)


def test_each_form_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plan = plan_of("dev")
    expected = {
        (): render_tree(plan),
        ("--json",): render_json(plan, ROOT),
        ("--compose",): compose_of("dev").text,
        ("--diagram",): render_diagram(plan),
    }
    for flags, text in expected.items():
        assert main(["plan", "--stack", "dev", *flags]) == 0
        assert capsys.readouterr() == (text, "")


def test_an_unknown_stack_is_a_sentence_and_not_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["plan", "--stack", "nowhere"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        "==> stack 'nowhere' does not exist: there is no Pulumi.nowhere.yaml; known stacks: airgap, dev, prod"
    )
    assert err.count("\n") == 1


def test_wrong_settings_are_one_line_each_and_exit_code_1(tmp_path: Path) -> None:
    for name in ("__main__.py", "Pulumi.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in ("components", "slidegenie"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "Pulumi.bad.yaml").write_text(
        "config:\n  slidegenie:backend:\n    replicas: 0\n  slidegenie:proxy:\n    htpPort: 80\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "slidegenie", "plan", "--stack", "bad"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.removeprefix("==> ").split(": ")[:2] for line in lines] == [
        ["Pulumi.bad.yaml", "backend.replicas"],
        ["Pulumi.bad.yaml", "proxy.htpPort"],
    ]
    assert lines[0].endswith("got 0")
    assert lines[1].endswith("is not a known key; did you mean proxy.httpPort?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: {slidegenie:backend: {release: 1, release: 2}}\n", "is not YAML: line 1 has the key release twice"),
        ("config: [\n", "is not YAML: while parsing a flow node .* line 2, column 1"),
        (
            "config:\n  - slidegenie:proxy\n",
            r"config: must be a group of keys; got \['slidegenie:proxy'\]; its keys go ",
        ),
        ("just words\n", "must be a group of keys; got 'just words'; its keys go below `config:`"),
        ("config:\n  slidegenie:engine: /data\n", "engine: must be a group of keys; got '/data'"),
    ],
)
def test_a_stack_file_of_another_form_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    for name in ("__main__.py", "Pulumi.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "Pulumi.odd.yaml").write_text(text)
    with pytest.raises(SettingsError, match=rf"^Pulumi.odd.yaml: {said}") as raised:
        StackProgram.read(tmp_path, "odd").plan()
    assert str(raised.value).count("\n") == 0


def test_what_declares_next_to_nothing_has_a_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_program(tmp_path, monkeypatch)
    assert main(["plan"]) == 0
    assert capsys.readouterr().out == "slidegenie/dev\n└── outputs\n    └── said  hello\n"


def test_two_forms_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--stack", "prod", "--json", "--compose"]) == 1
    assert capsys.readouterr() == ("", "==> --json and --compose are two forms of the plan: give one\n")


def _demo() -> str:
    data, files = volume("demo-test-db", data="db"), volume("demo-web-config")
    plan = made_of(
        [
            network("edge"),
            data,
            files,
            seed("db-seed", data.name),
            seed("s", files.name, [upload("open.yml", "x"), upload("key.pem", Secret("hush"))]),
            container(
                "db",
                mounts=[mount(data.name, "/data", read_only=False)],
                after=["db-seed"],
                options={"delete_before_replace": True},
            ),
            *(
                container(
                    "web",
                    number,
                    options={"delete_before_replace": False},
                    after=["db-1", "migrate-1"],
                    cpuSet="0-1",
                    networksAdvanced=[{"name": "demo-edge", "aliases": ["web"]}],
                    ports=[{"ip": "127.0.0.1", "external": 80, "internal": 8080, "protocol": "tcp"}],
                    mounts=[
                        mount(files.name, "/etc/web"),
                        {"type": "bind", "source": "/a", "target": "/b", "readOnly": True},
                    ],
                    healthcheck={"tests": ["CMD", "true"], "interval": "5s"},
                )
                for number in (1, 2)
            ),
            container("migrate", role="job"),
        ]
    )
    plan.outputs |= {"url": "https://localhost", "pem": "BEGIN\nx\nEND\n", "password": Secret("hush")}
    return render_tree(plan)


def test_the_tree_says_what_people_ask_about() -> None:
    assert _demo() == (
        "demo/test\n"
        "├── networks\n"
        "│   └── edge  reaches the outside\n"
        "├── services\n"
        "│   ├── db\n"
        "│   │   └── image     web:1\n"
        "│   │       networks  none\n"
        "│   │       limits    64 MiB, 1 CPU, 32 processes\n"
        "│   │       data      /data ← db\n"
        "│   │       rollout   recreate: the old one goes first\n"
        "│   └── web x2\n"
        "│       └── image      web:1\n"
        "│           networks   edge\n"
        "│           limits     64 MiB, 1 CPU on cores 0-1, 32 processes\n"
        "│           published  127.0.0.1:80 → 8080\n"
        "│           files      /etc/web: key.pem (secret), open.yml\n"
        "│           host       /b ← /a, read-only\n"
        "│           health     true; every 5s\n"
        "│           rollout    rolling: the new one first\n"
        "│           after      db, migrate\n"
        "├── jobs\n"
        "│   └── migrate\n"
        "│       └── image     web:1\n"
        "│           networks  none\n"
        "│           limits    64 MiB, 1 CPU, 32 processes\n"
        "├── data\n"
        "│   └── db  managed by Docker as demo-test-db\n"
        "└── outputs\n"
        "    └── password  [secret]\n"
        "        pem       BEGIN and 2 more lines\n"
        "        url       https://localhost\n"
    )


@pytest.mark.parametrize("stack", STACKS)
def test_the_tree_fits_100_columns_and_has_no_colours(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(variable, value)
    text = render_tree(plan_of(stack))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "\x1b" not in text
    monkeypatch.undo()
    assert render_tree(plan_of(stack)) == text


def test_production_says_which_networks_have_no_way_out_and_which_data_is_protected() -> None:
    text = render_tree(plan_of("prod"))
    assert "data         no way out\n" in text
    assert "application  reaches the outside\n" in text
    assert re.search(r"postgres +/opt/slidegenie/data/postgres, protected\n", text)
    assert "slidegenie/backend:alpine, slidegenie/backend:0.0.0-dev-alpine" in text
    assert "docker/backend/alpine.Dockerfile, stage" in text


def test_the_diagram_shows_networks_ports_and_data() -> None:
    lines = render_diagram(plan_of("prod")).splitlines()
    assert lines[0] == "flowchart LR"
    for line in (
        '  outside -->|"0.0.0.0:443"| service_traefik',
        '  network_data{{"data<br/>no way out"}}',
        '  network_edge{{"edge"}}',
        "  service_app --- network_data",
        '  service_migrate["migrate<br/>job"]',
        '  service_app["app x3"]',
        "  service_postgres -.- data_postgres",
        '  service_socket_proxy["socket-proxy"]',
    ):
        assert line in lines
    assert "  service_postgres --- network_application" not in lines
    assert not [line for line in lines if "-->" in line and "service_traefik" not in line]


def test_json_masks_secrets_and_names_parents_and_dependencies() -> None:
    document = json.loads(render_json(plan_of("prod"), ROOT))
    by_key = {(r["type"].rpartition(":")[2], r["name"]): r for r in document["resources"]}
    (upload,) = by_key["Container", "slidegenie-postgres-seed"]["inputs"]["uploads"]
    assert (upload["file"], upload["content"]) == ("/volume-1/password", "[secret]")
    app = by_key["Container", "slidegenie-app-1"]
    assert app["parent"] == "Server slidegenie-app"
    assert app["options"]["deleteBeforeReplace"] is False
    assert "Container slidegenie-app-migrate" in app["options"]["dependencies"]
    assert by_key["Container", "slidegenie-postgres-1"]["options"]["deleteBeforeReplace"] is True
    # What stood between it and its parent in releases of before.
    above = "slidegenie:index:SlideGeniePlatform$slidegenie:index:Postgres$slidegenie:index:DataVolume"
    assert by_key["Volume", "slidegenie-postgres-data"]["options"] == {
        "aliases": [f"{above}$docker:index/volume:Volume::slidegenie-postgres-data"],
        "protect": True,
    }
    assert by_key["Image", "slidegenie-app"]["options"] == {"retainOnDelete": True}
    assert document["outputs"]["platform"] == "https://slidegenie.example.com"


def test_json_has_paths_relative_to_the_checkout() -> None:
    text = render_json(plan_of("dev"), ROOT)
    assert str(ROOT) not in text
    mounts = [r["inputs"].get("mounts") for r in json.loads(text)["resources"] if r["name"] == "slidegenie-app-1"]
    assert {"type": "bind", "source": "docker/backend/app", "target": "/app/app", "readOnly": True} in mounts[0]
    plan = made_of([container("web", command=[str(ROOT), f"{ROOT}-other", f"{ROOT}/x"])])
    assert json.loads(render_json(plan, ROOT))["resources"][0]["inputs"]["command"] == [".", f"{ROOT}-other", "x"]
