"""Files that are made from plans: they are fresh, and say what they should."""

import difflib
import json
from pathlib import Path

import pytest

from components.core.text import json_text
from scripts.environment_file import COMMENTS, render_env
from scripts.generated_files import COMPOSE_FILES, generated_files
from scripts.golden import FURTHER, compact, difference, reviewed
from slidegenie.compose.project import FILES_DIR
from slidegenie.compose.write import with_docker_group
from slidegenie.plan import StackProgram
from slidegenie.plan.as_json import render_json
from slidegenie.plan.view import view_of

from ..plans import ROOT, STACKS, container, made_of, plan_of

_GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("stack", STACKS)
def test_the_plan_is_the_one_that_was_reviewed(stack: str) -> None:
    golden = (_GOLDEN / f"{stack}.json").read_text(encoding="utf-8").splitlines()
    now = reviewed(plan_of(stack), ROOT)
    now = difference(reviewed(plan_of("prod"), ROOT), now) if stack in FURTHER else compact(now)
    text = json_text(now, sort_keys=True).splitlines()
    changed = "\n".join(list(difflib.unified_diff(golden, text, "reviewed", "now", lineterm="", n=2))[:60])
    assert not changed, f"the plan of {stack} changed; if that is meant, run `make generate`:\n{changed}"


def test_a_difference_names_what_changed_was_added_and_is_gone() -> None:
    before = {"same": 1, "changed": {"deep": [1], "same": 2}, "gone": {"a": 1}}
    after = {"same": 1, "changed": {"deep": [1, 2], "same": 2}, "new": {"b": 2}}
    assert difference(before, after) == {"changed": {"deep": [1, 2]}, "gone": None, "new": {"b": 2}}
    assert difference(before, before) == {}


def test_what_most_of_a_kind_have_in_common_stands_once() -> None:
    resources = {
        "Volume a": {"inputs": {"name": "a", "labels": {"stack": "x"}}, "protect": True},
        "Volume b": {"inputs": {"name": "b", "labels": {"stack": "x"}}},
        "Volume c": {"inputs": {"name": "c", "labels": {"stack": "y"}}},
        "Network n": {"inputs": {"name": "n"}},
    }
    assert compact({"resources": resources}) == {
        "common": {"Volume": {"inputs": {"labels": {"stack": "x"}}}},
        "resources": {
            "Volume a": {"inputs": {"name": "a"}, "protect": True},
            "Volume b": {"inputs": {"name": "b"}},
            "Volume c": {"inputs": {"name": "c", "labels": {"stack": "y"}}},
            "Network n": {"inputs": {"name": "n"}},
        },
    }


def test_a_long_text_stays_on_the_line_that_it_makes_longer() -> None:
    assert json_text({"a": 1, "b": "x" * 120, "c": 2}) == f'{{"a": 1, "b": "{"x" * 120}",\n "c": 2}}\n'


def test_lines_are_filled_and_all_of_it_is_json() -> None:
    value = {"c": {"of": [{"text": "x" * 90, "number": n} for n in (1, 2)], "end": 0}, "b": list(range(35)), "a": "é"}
    text = json_text(value, sort_keys=True)
    assert json.loads(text) == value
    assert text.splitlines() == [
        '{"a": "é",',
        f' "b": [{", ".join(map(str, range(31)))},',
        "  31, 32, 33, 34],",
        ' "c": {"end": 0,',
        '  "of": [',
        f'   {{"number": 1, "text": "{"x" * 90}"}},',
        '   {"number": 2,',
        f'    "text": "{"x" * 90}"}}]}}}}',
    ]


@pytest.mark.parametrize(("letters", "lines"), [(88, 1), (89, 2)], ids=["120 columns", "one more"])
def test_a_line_has_room_for_what_closes_and_follows_its_last_item(letters: int, lines: int) -> None:
    text = json_text({"key": ["x" * letters], "b": {"other": 1}})
    assert len(text.splitlines()) == lines
    assert max(len(line) for line in text.splitlines()) <= 120


def test_a_long_content_is_a_digest_and_another_content_another_one() -> None:
    def content(text: str) -> object:
        return reviewed(made_of([container("app", uploads=[{"content": text}])]), ROOT)["resources"]["Container app-1"][
            "inputs"
        ]["uploads"]

    assert content("a\n" * 200) == [{"content": "sha256:1091369bcc01a5e0 of 400 characters"}]
    assert content("a\n" * 200) != content("b\n" * 200)


@pytest.mark.parametrize("stack", STACKS)
def test_a_plan_is_the_same_every_time(stack: str) -> None:
    assert render_json(StackProgram.read(ROOT, stack).plan(), ROOT) == render_json(plan_of(stack), ROOT)


def test_all_files_of_all_stacks_are_generated() -> None:
    files = generated_files(ROOT)
    assert {path for path in files if "/" not in path} == {
        ".env.production",
        "docker-compose.yml",
        "docker-compose.prod.yml",
    }
    assert {f"tests/unit/plan/golden/{stack}.json" for stack in STACKS} <= files.keys()
    assert "docs/diagram.md" in files
    assert files["docker-compose.yml"].splitlines()[2] == "name: slidegenie-dev"
    mounted = {path for path in files if path.startswith("docker/compose/")}
    assert {path.split("/")[2] for path in mounted} == set(COMPOSE_FILES)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / FILES_DIR).rglob("*") if path.is_file()} == mounted
    assert not [path for path in files if path.startswith(".secrets")]


def test_the_env_file_has_every_variable_of_the_application_with_a_comment() -> None:
    text = render_env(plan_of("prod"))
    app = next(service for service in view_of(plan_of("prod")).services if service.name == "app")
    lines = text.splitlines()
    for variable in app.inputs["envs"]:
        name = variable.split("=")[0]
        assert lines[lines.index(variable) - 1] == f"# {COMMENTS[name]}"
    assert {line.split("=")[0] for line in lines if line and line[0] != "#"} == {*COMMENTS, "DOCKER_GID"} - {
        "API_OPEN",
        "DATABASE_SSLROOTCERT",
    }
    assert lines[-1] == "DOCKER_GID="


def test_the_env_file_shows_how_to_run_one_container_and_holds_no_secret() -> None:
    text = render_env(plan_of("prod"))
    assert '-v "$PWD/.secrets/prod/app-secrets:/run/secrets:ro"' in text
    assert "--read-only --cap-drop ALL --security-opt no-new-privileges:true" in text
    assert "--tmpfs /run/app:rw,noexec,nosuid,nodev" in text
    assert "a container by hand makes none of these users" in text
    assert text.index("WEB_WORKERS=2") < text.index("DATABASE_PASSWORD_FILE=/run/secrets/postgres-password")


def test_a_variable_of_your_own_says_where_it_was_given() -> None:
    plan = made_of([container("app", envs=["MINE=a b"], tmpfs={})])
    assert "\n# Given under backend.environment in Pulumi.test.yaml.\nMINE=a b\n" in render_env(plan)


def test_a_value_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="MINE has more than one line"):
        render_env(made_of([container("app", envs=["MINE=a\nb"], tmpfs={})]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "DOCKER_GID=5\n"),
        ("A=1", "A=1\nDOCKER_GID=5\n"),
        ("DOCKER_GID=\nA=1\n", "DOCKER_GID=5\nA=1\n"),
        ("MY_DOCKER_GID=3\n", "MY_DOCKER_GID=3\nDOCKER_GID=5\n"),
    ],
)
def test_the_group_is_written_and_all_else_stays(before: str, after: str) -> None:
    assert with_docker_group(before, 5) == after
    assert with_docker_group(after, 5) == after
