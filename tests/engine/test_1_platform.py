"""The rendered Compose project on a real engine: it works, is hardened, and leaks nothing."""

import hashlib
import json
import ssl
from pathlib import Path

import httpx
import pytest

from ..support.client import PRESENTATIONS, example, make, titles_in_download, trusting
from ..support.hardening import violations
from ..support.secrets import leaks, leaks_in_image
from ..support.workspace import Workspace, docker

pytestmark = pytest.mark.engine

SERVICES = {"app", "minio", "postgres", "redis", "socket-proxy", "traefik"}


def test_a_presentation_is_made_listed_downloaded_and_deleted_over_tls(platform: Workspace) -> None:
    with trusting(platform.url, platform.token) as client:
        made = make(client, "Board meeting")
        assert titles_in_download(client, made["id"])[0] == "Board meeting"
        assert made["id"] in client.get(PRESENTATIONS).text
        assert client.delete(f"{PRESENTATIONS}/{made['id']}").status_code == 204
        assert client.get(f"{PRESENTATIONS}/{made['id']}").status_code == 404


def test_strangers_get_nothing_and_change_nothing(platform: Workspace) -> None:
    with trusting(platform.url, platform.token) as client:
        made = f"{PRESENTATIONS}/{make(client, 'Not for strangers')['id']}"
        asked = [("GET", PRESENTATIONS), ("POST", PRESENTATIONS), ("GET", made), ("GET", f"{made}/download")]
        for token in ("", "wrong", platform.token[:-1]):
            with trusting(platform.url, token) as stranger:
                answers = [
                    stranger.request(method, path, json=example()) for method, path in [*asked, ("DELETE", made)]
                ]
            assert {answer.status_code for answer in answers} == {httpx.codes.UNAUTHORIZED}
            assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
            assert "Not for strangers" not in "".join(answer.text for answer in answers)
        assert client.get(made).status_code == httpx.codes.OK


def test_the_application_is_told_hashes_of_tokens_and_no_token(platform: Workspace) -> None:
    for container in platform.containers("app"):
        told = json.loads(docker("exec", container["Id"], "cat", "/run/tokens/tokens.json"))
        assert told == [{"name": "default", "sha256": hashlib.sha256(platform.token.encode()).hexdigest()}]


def test_the_local_authority_vouches_for_the_certificate(platform: Workspace) -> None:
    authority = Path(platform.run("authority").out.strip())
    trust = ssl.create_default_context(cafile=str(authority))
    assert httpx.get(f"{platform.url}/health/live", verify=trust).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{platform.url}/health/live")


def test_http_leads_to_https_and_the_backend_port_answers_by_itself(platform: Workspace) -> None:
    http, https, backend = platform.ports
    redirect = httpx.get(f"http://localhost:{http}/x")
    assert (redirect.status_code, redirect.headers["location"]) == (301, f"https://localhost:{https}/x")
    assert httpx.get(f"http://localhost:{backend}/health/live").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/health/ready"])
def test_what_is_for_operators_is_not_led_outside(platform: Workspace, path: str) -> None:
    with trusting(platform.url) as client:
        assert client.get(path).status_code == 404
    assert httpx.get(f"http://localhost:{platform.ports[2]}{path}").status_code == 200


def test_every_container_is_hardened(platform: Workspace) -> None:
    servers = platform.containers()
    assert {c["Config"]["Labels"]["com.docker.compose.service"] for c in servers} == SERVICES
    assert [line for container in servers for line in violations(container)] == []


def test_no_secret_is_in_an_environment_an_image_or_a_log(platform: Workspace) -> None:
    values = [line.split("\t")[1] for line in platform.run("password").out.splitlines() if "\t" in line]
    assert len(values) == 10
    servers = platform.containers(everything=True)
    assert leaks(servers, values) == []
    image = next(c["Image"] for c in servers if c["Config"]["Labels"]["com.docker.compose.service"] == "app")
    assert leaks_in_image(image, values) == []


def test_a_second_up_replaces_no_container(platform: Workspace) -> None:
    before = {c["Id"] for c in platform.containers()}
    again = platform.run("up")
    assert again.code == 0, again.text
    assert {c["Id"] for c in platform.containers()} == before


def test_the_proxy_reads_containers_through_the_allow_list_and_nothing_else(platform: Workspace) -> None:
    allow_list = platform.containers("socket-proxy")[0]["Id"]
    app = platform.containers("app")[0]["Id"]

    def ask(request: str) -> str:
        probe = f"exec 3<>/dev/tcp/127.0.0.1/2375; printf '{request} HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3"
        return docker("exec", allow_list, "bash", "-c", probe).split()[1]

    allowed = ["GET /_ping", "HEAD /_ping", "GET /version", "GET /v1.41/containers/json", f"GET /containers/{app}/json"]
    refused = [
        f"GET /containers/{app}/logs",
        f"GET /containers/{app}/archive?path=/run/secrets",
        f"GET /containers/{app}/export",
        f"POST /containers/{app}/stop",
        f"DELETE /containers/{app}",
        "POST /containers/create",
        "GET /images/json",
        "GET /secrets",
        "GET /containers/json/../../images/json",
        "POST /_ping",
    ]
    assert {request: ask(request) for request in allowed} == dict.fromkeys(allowed, "200")
    assert {request: ask(request) for request in refused} == dict.fromkeys(refused, "403")
