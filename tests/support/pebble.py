"""An authority that speaks ACME, the DNS it asks, and a DNS provider: Pebble, of Let's Encrypt."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from .client import unverified
from .pem import text
from .waiting import until
from .webhook import gateway
from .workspace import docker

IMAGE = "slidegenie-airgap/pebble:2.10.1"
LOGIN, PASSWORD = "edge", "hunter2-of-the-dns-provider"
_DAYS = 90


@dataclass
class Pebble:
    """A running authority."""

    directory: str
    """Where the edge asks for certificates."""
    trust: str
    """PEM certificate that the directory is trusted by."""
    provider: str
    """A DNS provider's interface."""
    management: str
    records: list[str] = field(default_factory=list)
    """Names of the records that were set through the provider."""

    def root(self) -> str:
        """Return the certificate that issued certificates are trusted by; another one after each start."""
        return httpx.get(f"{self.management}/roots/0", verify=unverified()).text


@contextmanager
def pebble(folder: Path, ports: range, *, http: int, https: int) -> Iterator[Pebble]:
    """Run an authority that finds every domain on this machine, at the ports `http` and `https`."""
    here = gateway()
    acme, management, names, records, provider = ports[:5]
    root = trustme.CA()
    own = root.issue_cert(here, "127.0.0.1")
    configuration = {
        "listenAddress": f"{here}:{acme}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": "/pebble/own.pem",
        "privateKey": "/pebble/own.key",
        "httpPort": http,
        "tlsPort": https,
        "profiles": {"default": {"description": "As Let's Encrypt's", "validityPeriod": _DAYS * 86_400}},
    }
    folder.mkdir()
    folder.chmod(0o755)
    for name, content in (
        ("pebble.json", json.dumps({"pebble": configuration})),
        ("own.pem", text(own.cert_chain_pems[0])),
        ("own.key", text(own.private_key_pem)),
    ):
        (folder / name).write_text(content, encoding="utf-8")
        (folder / name).chmod(0o644)
    made = Pebble(
        f"https://{here}:{acme}/dir",
        text(root.cert_pem),
        f"http://{here}:{provider}",
        f"https://127.0.0.1:{management}",
    )
    # Without the second, every other order is granted on the strength of an earlier one, and no challenge is made.
    env = ["--env=PEBBLE_VA_NOSLEEP=1", "--env=PEBBLE_AUTHZREUSE=0"]
    run = ["run", "--detach", "--network=host", "--read-only", "--cap-drop=ALL", *env]
    with ExitStack() as stack:

        def start(*arguments: str) -> None:
            container = docker(*run, f"--volume={folder}:/pebble:ro", *arguments).strip()
            stack.callback(docker, "rm", "--force", container)

        quiet = ("-http01=", "-https01=", "-tlsalpn01=", "-doh=")
        start(
            *("--entrypoint=pebble-challtestsrv", IMAGE, "-defaultIPv4=127.0.0.1", "-defaultIPv6="),
            *(f"-dnsserver=127.0.0.1:{names}", f"-management=127.0.0.1:{records}", *quiet),
        )
        start(IMAGE, "-config=/pebble/pebble.json", f"-dnsserver=127.0.0.1:{names}")
        stack.enter_context(_provider(here, provider, f"http://127.0.0.1:{records}", made.records))
        until(lambda: _answers(made), "Pebble answers", 60)
        yield made


def _answers(made: Pebble) -> bool:
    try:
        return httpx.get(made.directory, verify=unverified()).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def _provider(address: str, port: int, dns: str, seen: list[str]) -> Iterator[None]:
    """Serve the interface of the provider called `httpreq`: it asks for a login, and sets and clears records."""

    def present(request: Request) -> Response:
        asked = request.get_json(force=True)
        seen.append(asked["fqdn"])
        httpx.post(f"{dns}/set-txt", json={"host": asked["fqdn"], "value": asked["value"]})
        return Response()

    def clean_up(request: Request) -> Response:
        httpx.post(f"{dns}/clear-txt", json={"host": request.get_json(force=True)["fqdn"]})
        return Response()

    login = {"Authorization": "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()}
    with HTTPServer(address, port) as server:
        server.no_handler_status_code = httpx.codes.UNAUTHORIZED
        server.expect_request("/present", "POST", headers=login).respond_with_handler(present)
        server.expect_request("/cleanup", "POST", headers=login).respond_with_handler(clean_up)
        yield
