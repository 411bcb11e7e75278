"""Commands that bring a stack up and take it away: what they decide, in which order, and when they refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slidegenie.__main__ import main
from slidegenie.commands import app
from slidegenie.commands import stack as commands
from slidegenie.console import NotBroughtUp, Problem
from slidegenie.engine import ownership, preflight
from slidegenie.engine.preflight import RegistryUnreachableError
from slidegenie.images import airgap
from slidegenie.maintenance.records import image_record
from slidegenie.plan import Plan
from slidegenie.runner import RunnerKind
from slidegenie.user_folder import UserFolder

from ..planned import unwatched
from ..plans import FakeRunner, in_a_program

_NO_REGISTRY = RegistryUnreachableError("docker.io/library/redis cannot be pulled: no such host")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return in_a_program(tmp_path, monkeypatch)


@pytest.fixture
def unreachable() -> set[str]:
    """Stacks whose registry does not answer."""
    return set()


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, unreachable: set[str]) -> FakeRunner:
    """What carries plans out; what else the commands do to a machine is noted beside it."""
    made = FakeRunner()
    made.take(monkeypatch)

    def pull(plan: Plan, *, newest: bool) -> Iterator[str]:
        made.asked.append(f"pull {'the newest of ' if newest else ''}{plan.stack}")
        if plan.stack in unreachable:
            raise _NO_REGISTRY
        return iter(())

    monkeypatch.setattr(commands, "ensure_engine", lambda: made.asked.append("engine"))
    monkeypatch.setattr(airgap, "install_docker_plugins", lambda _root: made.asked.append("plugins"))
    monkeypatch.setattr(preflight, "check_host", lambda plan: made.asked.append(f"check {plan.stack}"))
    monkeypatch.setattr(preflight, "pull_images", pull)
    monkeypatch.setattr(commands, "note_rollout", lambda *_, **__: made.asked.append("record"))
    monkeypatch.setattr(commands, "wait_for_edge", lambda _plan: made.asked.append("edge"))
    monkeypatch.setattr(commands, "show_addresses", lambda plan: made.asked.append(f"addresses {plan.stack}"))
    return made


def remembered(stack: str, kind: RunnerKind = RunnerKind.PULUMI) -> None:
    UserFolder.open().remember(stack, kind)


def test_up_looks_before_it_changes_anything_and_ends_with_the_addresses(runner: FakeRunner) -> None:
    assert main(["up"]) == 0
    assert runner.asked == [
        *("engine", "plugins", "check dev", "pull dev"),
        *("up", "record", "edge", "addresses dev"),
    ]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ([], ["pull dev", "up"]),
        (["--newest"], ["pull the newest of dev", "up newest"]),
        (["--remove-data"], ["pull dev", "up remove_protected"]),
    ],
)
def test_newer_images_and_the_end_of_data_are_for_a_person_to_say(
    runner: FakeRunner, options: list[str], asked: list[str]
) -> None:
    assert main(["up", *options]) == 0
    assert [one for one in runner.asked if one.startswith(("pull", "up"))] == asked


def test_without_a_name_the_stack_last_brought_up_is_meant(runner: FakeRunner) -> None:
    """A failed rollout of `prod` tells to type `make up`."""
    remembered("prod")
    assert main(["up"]) == 0
    assert "check prod" in runner.asked


def test_a_rollout_that_failed_is_the_end(runner: FakeRunner, capsys: pytest.CaptureFixture[str]) -> None:
    runner.refusal = Problem("the rollout failed:\n  app is not healthy")
    assert main(["up"]) == 1
    assert runner.asked[-1] == "up", "nothing that failed is on record as a good one"
    assert capsys.readouterr().err == "==> the rollout failed:\n==>   app is not healthy\n"


def test_without_a_registry_the_first_one_falls_back_and_says_why(
    runner: FakeRunner, unreachable: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    unreachable.add("dev")
    assert main(["up"]) == 0
    looked = [one for one in runner.asked if one.startswith(("check", "pull", "up"))]
    assert looked == ["check dev", "pull dev", "check airgap", "pull airgap", "up"]
    assert runner.asked[-1] == "addresses airgap"
    assert "redis cannot be pulled: no such host" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "before"), [(["--stack", "dev"], None), ([], "dev")])
def test_another_stack_never_takes_the_place_of_the_one_that_is_meant(
    runner: FakeRunner,
    unreachable: set[str],
    options: list[str],
    before: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if before:
        remembered(before)
    unreachable.add("dev")
    assert main(["up", *options]) == 1
    assert "up" not in runner.asked
    assert "`make up STACK=airgap` needs no registry" in capsys.readouterr().err


def test_what_was_pulled_before_a_pull_failed_is_on_record(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make clean` may remove what is on record, and nothing else."""

    def pull(_plan: Plan, *, newest: bool) -> Iterator[str]:  # noqa: ARG001
        yield "docker.io/library/redis:8"
        raise Problem("docker.io/library/postgres:17 cannot be pulled")

    monkeypatch.setattr(preflight, "pull_images", pull)
    assert main(["up"]) == 1
    assert "postgres:17 cannot be pulled" in capsys.readouterr().err
    assert "up" not in runner.asked
    assert set(image_record(UserFolder.open(), "slidegenie/dev").pulled()) == {"redis:8"}


def test_what_a_workflow_asks_of_a_preview_and_of_a_rollout_is_passed_on(runner: FakeRunner) -> None:
    assert main(["preview", "--policy-pack", "base/security", "--save-plan", "plan.json", "--expect-no-changes"]) == 0
    assert runner.asked[-1] == "preview expect_no_changes policy_pack save_plan"
    assert main(["up", "--plan", "plan.json"]) == 0
    assert "up plan" in runner.asked


def test_a_preview_names_mistakes_before_it_asks_for_an_engine(
    runner: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview"]) == 0
    assert runner.asked == ["engine", "preview"]
    Path("__main__.py").write_text("from components.settings import SettingsError\nraise SettingsError('x', ['bad'])\n")
    assert main(["preview"]) == 1
    assert runner.asked == ["engine", "preview"]
    assert capsys.readouterr().err == "==> x: bad\n"


def test_down_keeps_data_and_says_so(runner: FakeRunner, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--stack", "prod"]) == 0
    assert runner.asked == ["engine", "down"]
    assert "taking stack prod down; data and secrets stay" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--confirm", "prod"], ["--confirm", ""]])
def test_nothing_is_deleted_unasked(runner: FakeRunner, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["destroy", "--stack", "dev", *options]) == 1
    assert runner.asked == []
    assert "nothing was deleted: type the stack's name when asked, or run `make destroy CONFIRM=dev`" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "asked", "said"), [([], "destroy", True), (["--backups"], "destroy with_backups", False)]
)
def test_what_is_destroyed_is_forgotten_and_backups_are_a_word_of_their_own(
    runner: FakeRunner, options: list[str], asked: str, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    remembered("dev")
    runner.keeps_backups = True
    assert main(["destroy", "--confirm", "dev", *options]) == 0
    assert runner.asked == ["engine", asked]
    assert UserFolder.open().runner("dev") is None
    assert ("the backups and their password stay; `make destroy BACKUPS=delete`" in capsys.readouterr().out) is said


def test_what_is_still_there_is_not_forgotten(runner: FakeRunner) -> None:
    remembered("dev")
    runner.refusal = Problem("not all of it is gone")
    assert main(["destroy", "--confirm", "dev"]) == 1
    assert UserFolder.open().runner("dev") is RunnerKind.PULUMI


def test_to_destroy_what_is_not_there_is_no_success_unless_somebody_did_it_another_way(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "remains", lambda *_, **__: [])
    runner.refusal = NotBroughtUp("dev", "Pulumi")
    assert main(["destroy", "--confirm", "dev"]) == 1
    assert "stack dev was never brought up with Pulumi" in capsys.readouterr().err
    remembered("dev")
    assert main(["destroy", "--confirm", "dev"]) == 0
    assert "stack dev is gone already, and is forgotten" in capsys.readouterr().out
    assert UserFolder.open().runner("dev") is None


def test_folders_of_data_that_stay_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    ownership.show_folders(unwatched())
    assert capsys.readouterr().out == ""
    ownership.show_folders(unwatched(engine={"dataRoot": "/srv/data"}))
    said = capsys.readouterr().out
    assert "the data in folders of localhost stays: /srv/data/" in said
    assert "/srv/data/postgres" in said


# ---------------------------------------------------------------------------- application
# The commands that look into the application: one look each, and none at what is not there.


Ran = list[tuple[str, ...]]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """What was handed over to."""
    commands: Ran = []
    in_a_program(tmp_path, monkeypatch)
    monkeypatch.setattr(app, "_hand_over", lambda *command: commands.append(command))
    monkeypatch.setattr(app, "plugin", lambda _name: True)
    return commands


def has(monkeypatch: pytest.MonkeyPatch, *services: str) -> None:
    there = [
        {"Id": f"id-{name}", "Name": f"/{name}", "Config": {"Labels": {"com.docker.compose.service": name}}}
        for name in services
    ]
    monkeypatch.setattr(app, "containers", lambda _label: there)


@pytest.mark.parametrize(
    ("plugin", "command"),
    [(True, ("docker", "compose", "-p", "slidegenie-dev", "logs")), (False, ("docker", "logs", "--follow"))],
)
def test_logs_are_followed_once(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, plugin: bool, command: tuple[str, ...]
) -> None:
    """Who leaves the first with Ctrl-C does not find a second one behind it."""
    has(monkeypatch, "app")
    monkeypatch.setattr(app, "plugin", lambda _name: plugin)
    monkeypatch.setattr(app, "compose_name", lambda _plan: "slidegenie-dev")
    assert main(["logs"]) == 0
    assert len(ran) == 1
    assert ran[0][: len(command)] == command


@pytest.mark.parametrize(("command", "runs"), [("shell", "sh"), ("pytest", "pytest")])
def test_a_shell_and_the_tests_run_in_the_applications_container(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, command: str, runs: str
) -> None:
    has(monkeypatch, "redis", "app")
    assert main([command]) == 0
    assert [(words[:2], words[words.index("id-app") :].count(runs)) for words in ran] == [(("docker", "exec"), 1)]


@pytest.mark.parametrize("command", ["logs", "shell", "pytest"])
def test_a_look_at_nothing_is_no_empty_success(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, "redis")
    assert main([command]) == 1
    assert capsys.readouterr().err.startswith("==> no container of the application runs in stack dev")
    assert ran == []
