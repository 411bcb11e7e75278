"""Secrets rotated under load: no request fails, the old secret opens nothing, and none can be read anywhere."""

import json
import os
import signal

import pytest

from ..conftest import Figures
from ..support.client import PRESENTATIONS, make, titles_in_download, trusting
from ..support.load import Load
from ..support.secrets import leaks, leaks_in_image, leaks_in_processes, leaks_in_state, secrets_of
from ..support.workspace import Workspace

pytestmark = pytest.mark.pulumi

_REQUESTS = 1500
_DENIED = 22
"""How curl ends when it is answered with an error."""


def _container(platform: Workspace, service: str) -> str:
    return str(platform.containers(service)[0]["Id"])


def _app_logs_in(platform: Workspace, host: str, script: str, *secrets: str) -> int:
    """Run `script` beside a store with secrets on its standard input, and return its exit code."""
    done = platform.execute(_container(platform, host), script, "\n".join(secrets) + "\n")
    return done.code


def _postgres(platform: Workspace, user: str, password: str) -> int:
    script = f"read -r PGPASSWORD; export PGPASSWORD; psql -qXAt -h postgres -U {user} -d slidegenie -c 'SELECT 1'"
    return _app_logs_in(platform, "postgres", script, password)


def _redis(platform: Workspace, user: str, password: str) -> int:
    script = f"read -r REDISCLI_AUTH; export REDISCLI_AUTH; redis-cli --user {user} ping | grep -q PONG"
    return _app_logs_in(platform, "redis", script, password)


def _storage(platform: Workspace, access: str, secret: str) -> int:
    script = (
        "read -r key; curl -fsS -o /dev/null --aws-sigv4 aws:amz:us-east-1:s3 --config - "
        'http://127.0.0.1:9000/slidegenie/?list-type=2 <<E\nuser = "$key"\nE'
    )
    return _app_logs_in(platform, "minio", script, f"{access}:{secret}")


def _login(platform: Workspace) -> str:
    variables = platform.containers("app")[0]["Config"]["Env"]
    return str(next(v for v in variables if v.startswith("DATABASE_USER=")).partition("=")[2])


def _access_key(platform: Workspace) -> str:
    return platform.execute(_container(platform, "app"), "cat /run/secrets/storage-access-key").out


def _stores(platform: Workspace) -> dict[str, str]:
    return {service: _container(platform, service) for service in ("postgres", "redis", "minio", "traefik")}


def test_secrets_are_rotated_under_load_and_the_old_ones_open_nothing(platform: Workspace, figures: Figures) -> None:
    before, stores = secrets_of(platform), _stores(platform)
    login, access = _login(platform), _access_key(platform)
    assert _postgres(platform, login, before["postgres-login-password"]) == 0
    assert _redis(platform, "slidegenie", before["redis-password"]) == 0
    assert _storage(platform, access, before["storage-login-key"]) == 0
    with trusting(platform.url, platform.token) as client:
        kept = make(client, "Before the rotation")
    with Load(platform.url, platform.token) as load:
        load.wait_for(200)
        for secret in ("postgres", "redis", "storage"):
            rotated = platform.run("rotate", secret)
            assert rotated.code == 0, rotated.text
            assert f"{secret} is rotated" in rotated.out
        load.wait_for(_REQUESTS)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    assert _stores(platform) == stores, "no store was restarted"
    with trusting(platform.url, platform.token) as client:
        assert titles_in_download(client, kept["id"])[0] == "Before the rotation"

    after = secrets_of(platform)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"postgres-login-password", "redis-password", "storage-login-key"}
    assert _postgres(platform, _login(platform), after["postgres-login-password"]) == 0
    assert _postgres(platform, login, before["postgres-login-password"]) != 0
    assert _redis(platform, "slidegenie", after["redis-password"]) == 0
    assert _redis(platform, "slidegenie", before["redis-password"]) != 0
    assert _storage(platform, _access_key(platform), after["storage-login-key"]) == 0
    assert _storage(platform, access, before["storage-login-key"]) == _DENIED
    protected = [r for r in platform.state()["resources"] if r["type"].endswith(":RandomPassword")]
    assert {r["urn"].rpartition("::")[2] for r in protected if not r.get("protect")} == {"slidegenie-hash-key"}
    assert platform.pulumi("preview", "--expect-no-changes").code == 0


def _answered(platform: Workspace, token: str) -> int:
    with trusting(platform.url, token) as client:
        return client.get(PRESENTATIONS).status_code


def test_a_token_is_rotated_under_load_and_the_former_one_ends_when_somebody_says_so(
    platform: Workspace, figures: Figures
) -> None:
    former, replicas = platform.token, {c["Id"] for c in platform.containers("app")}
    with Load(platform.url, former) as load:
        load.wait_for(200)
        rotated = platform.run("rotate", "token-default")
        assert rotated.code == 0, rotated.text
        load.wait_for(_REQUESTS // 2)
    figures(str(load.tally))
    assert load.tally.failures.total() == 0, load.tally.failures
    token = platform.token
    assert token != former
    assert [_answered(platform, each) for each in (token, former, "")] == [200, 200, 401]

    with Load(platform.url, token) as load:
        ended = platform.run("rotate", "token-default-former")
        assert ended.code == 0, ended.text
        load.wait_for(200)
    assert load.tally.failures.total() == 0, load.tally.failures
    assert [_answered(platform, each) for each in (token, former)] == [200, 401]
    assert {c["Id"] for c in platform.containers("app")} == replicas, "nothing was replaced"


def test_neither_old_nor_new_secrets_can_be_read_anywhere(platform: Workspace) -> None:
    before = secrets_of(platform)
    assert platform.run("rotate", "postgres-administrator").code == 0
    after = secrets_of(platform)
    assert {name for name in after if after[name] != before[name]} == {"postgres-administrator", "postgres-deputy"}
    values = {*before.values(), *after.values()}
    everything = platform.containers(everything=True)
    images = {c["Image"] for c in everything if c["Config"]["Labels"].get("com.docker.compose.service") == "app"}

    assert leaks(everything, values) == []
    assert leaks_in_processes(everything, values) == []
    assert leaks_in_state(platform, values) == []
    assert [line for image in images for line in leaks_in_image(image, values)] == []


def test_a_service_can_do_what_it_must_and_nothing_else(platform: Workspace) -> None:
    secrets, login = secrets_of(platform), _login(platform)
    script = (
        "read -r PGPASSWORD; export PGPASSWORD; psql -qXAt -h postgres -U {} -d slidegenie -v ON_ERROR_STOP=1 -c '{}'"
    )

    def said(statement: str) -> tuple[int, str]:
        done = platform.execute(
            _container(platform, "postgres"), script.format(login, statement), secrets["postgres-login-password"] + "\n"
        )
        return done.code, done.out

    assert said("SHOW is_superuser") == (0, "off")
    assert said("SELECT count(*) >= 0 FROM presentations") == (0, "t")
    assert said("COPY presentations TO PROGRAM $$cat$$")[0] != 0
    assert said("CREATE ROLE another")[0] != 0


def test_a_rotation_that_was_killed_is_finished_by_running_it_again(platform: Workspace) -> None:
    before = secrets_of(platform)
    rotation = platform.start("rotate", "redis")
    assert rotation.stdout is not None
    for line in rotation.stdout:
        if "container slidegenie-app-1" in line:
            break
    os.killpg(rotation.pid, signal.SIGKILL)
    rotation.communicate()

    again = platform.run("rotate", "redis")

    assert again.code == 0, again.text
    after = secrets_of(platform)
    assert _redis(platform, "slidegenie", after["redis-password"]) == 0
    assert _redis(platform, "slidegenie", before["redis-password"]) != 0
    known = json.dumps(platform.state())
    assert not [c["Id"] for c in platform.containers(everything=True) if c["Id"] not in known]
