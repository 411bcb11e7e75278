"""TLS at the edge, judged by tools of others: Mozilla's intermediate profile, and testssl.sh."""

import json
import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from ...support.tools import tool
from .conftest import Edge

pytestmark = pytest.mark.engine

_HARMLESS = frozenset({"OK", "INFO", "LOW", "DEBUG"})
_OF_THIS_MACHINE = frozenset({"engine_problem"})
"""What testssl.sh says of the openssl that it runs with, which is nothing about the edge."""


def test_the_own_certificate_is_served_with_its_chain(edge: Edge) -> None:
    trust = ssl.create_default_context(cafile=str(edge.authority))

    assert httpx.get(f"https://{edge.host}/health/live", verify=trust).status_code == 200


def test_sslyze_finds_mozillas_intermediate_profile(edge: Edge) -> None:
    command = [tool("sslyze"), "--mozilla_config=intermediate", f"--certinfo_ca_file={edge.authority}"]
    done = subprocess.run([*command, edge.host], capture_output=True, text=True, check=False)

    assert f"{edge.host}: OK - Compliant." in done.stdout, done.stdout[-2000:] + done.stderr
    assert done.returncode == 0


def test_sslyze_would_find_a_weak_spot(edge: Edge) -> None:
    """Else the test above would pass with a tool that finds nothing: the modern profile has no TLS 1.2."""
    command = [tool("sslyze"), "--mozilla_config=modern", f"--certinfo_ca_file={edge.authority}"]
    done = subprocess.run([*command, edge.host], capture_output=True, text=True, check=False)

    assert "tls_versions: TLS versions {'TLSv1.2'} are supported, but should be rejected." in done.stdout


def test_testssl_finds_nothing_at_medium_or_above(edge: Edge, tmp_path: Path) -> None:
    if (command := shutil.which("testssl.sh") or shutil.which("testssl")) is None:
        pytest.skip("testssl.sh is not installed: `apt-get install testssl.sh`")
    report = tmp_path / "report.json"
    # Protocols, kinds of ciphers, forward secrecy, certificate, headers, known attacks; not the simulated browsers.
    options = ["--quiet", "--color", "0", "--ip", "one", "--add-ca", str(edge.authority)]
    parts = ["-p", "-s", "-f", "-S", "-h", "-U"]
    subprocess.run(
        [command, *parts, *options, "--jsonfile", str(report), f"https://{edge.host}/health/live"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    findings = json.loads(report.read_text(encoding="utf-8"))

    assert len(findings) > 60, "it did not get far"
    told = [f for f in findings if f["severity"] not in _HARMLESS and f["id"] not in _OF_THIS_MACHINE]
    assert [f"{f['id']}: {f['severity']} {f['finding']}" for f in told] == []
