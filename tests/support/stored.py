"""Data in a running platform, in bulk and with one checksum; and the driver of the backups, run by hand."""

import json
import subprocess
import time
from dataclasses import dataclass

from .workspace import Workspace, docker

_DIGEST_OBJECTS = """
import hashlib, json, tempfile
from pathlib import Path
from slidegenie_backup.config import Config
from slidegenie_backup.objects import Bucket, copy_all
with tempfile.TemporaryDirectory(dir="/work") as folder:
    stored = copy_all(Bucket.configured(Config.read()), Path(folder))
told = sorted((item.key, item.sha256, sorted(item.attributes.items())) for item in stored)
print(len(told), hashlib.sha256(json.dumps(told).encode()).hexdigest())
"""
_MAKE_OBJECTS = """
import hashlib
import obstore
from slidegenie_backup.config import Config
from slidegenie_backup.objects import Bucket, in_parallel
bucket = Bucket.configured(Config.read())
odd = {0: "odd/a b+c.txt", 1: "odd/\\u00fcmlaut.bin", 2: "odd/100%25.txt", 3: "odd/empty"}
def put(n):
    body = b"" if n == 3 else hashlib.sha256(str(n).encode()).digest() * (1 + n * 7 % 400)
    about = {"Content-Type": f"x/{n % 9}", "n": str(n)}
    obstore.put(bucket._store, odd.get(n, f"kept/{n:05}.bin"), body, attributes=about)
in_parallel(put, range(COUNT))
"""
_MAKE_ROWS = """
CREATE TABLE bulk (
 n serial PRIMARY KEY, "odd ""name" jsonb, f double precision, b bytea, t text, at timestamptz
);
INSERT INTO bulk ("odd ""name", f, b, t, at)
 SELECT json_build_object('n', n)::jsonb, random() * 1e9, sha256(n::text::bytea),
 CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN E'tab\\there, \\\\, ü' ELSE '' END, now() - n * interval '1 second'
 FROM generate_series(1, COUNT) n;
"""
_DIGEST_ROWS = """
SET timezone = 'UTC';
SELECT 'bulk', count(*), md5(string_agg(t::text, '|' ORDER BY n)) FROM bulk t;
SELECT 'presentations', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY id), '')) FROM presentations t;
"""


@dataclass(frozen=True)
class Data:
    """The data stores of a running platform."""

    stack: Workspace

    def make(self, rows: int, objects: int) -> None:
        """Put rows and objects in, some of them odd."""
        self.sql(_MAKE_ROWS.replace("COUNT", str(rows)))
        self.python(_MAKE_OBJECTS.replace("COUNT", str(objects)))

    def digest(self) -> dict[str, str]:
        """Return what tells whether anything is other than before: independent of how the backup sees it for rows."""
        return {"rows": self.sql(_DIGEST_ROWS), "objects": self.python(_DIGEST_OBJECTS).strip()}

    def sql(self, text: str) -> str:
        """Run SQL in the database's own container and return what it printed."""
        psql = "exec psql -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -U slidegenie -d slidegenie"
        command = f"PGPASSWORD=$(cat /run/secrets/password) {psql}"
        return _exec(self.container("postgres"), ["sh", "-c", command], given=text)

    def redis(self, *words: str) -> str:
        """Run a command of Redis as the application would."""
        password = "REDISCLI_AUTH=$(cat $BACKUP_REDIS_PASSWORD_FILE)"
        at = f"{password} exec redis-cli -h redis --user backup --no-auth-warning {' '.join(words)}"
        return _exec(self.container("backup"), ["sh", "-c", at]).strip()

    def python(self, text: str) -> str:
        """Run Python in the container of the backups."""
        return _exec(self.container("backup"), ["python3", "-"], given=text)

    def driver(
        self, *arguments: str, service: str = "backup", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the driver with other variables than the container's."""
        given = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        command = ["docker", "exec", *given, self.container(service), "python3", "-m", "slidegenie_backup", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def shell(self, command: str, service: str = "backup") -> str:
        """Run a shell command in the container of the backups."""
        return _exec(self.container(service), ["sh", "-ec", command])

    def snapshots(self) -> list[str]:
        """Return the IDs of all snapshots, the newest first."""
        done = self.driver("list")
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.split()[0] for line in done.stdout.splitlines() if not line.startswith("==>")]

    def metrics(self, job: str = "backup") -> dict[str, float]:
        """Return what the monitoring is told."""
        service = "backup" if job == "backup" else "restore-drill"
        told = self.shell(f"cat /textfiles/slidegenie-{job}.prom", service).splitlines()
        pairs = (line.rpartition(" ") for line in told if not line.startswith("#"))
        return {key.removeprefix(f"slidegenie_{job}_"): float(value) for key, _, value in pairs}

    def container(self, service: str) -> str:
        """Return the ID of a service's container."""
        return str(self.stack.containers(service, everything=True)[0]["Id"])


def _exec(container: str, command: list[str], given: str = "") -> str:
    done = subprocess.run(
        ["docker", "exec", "-i", container, *command],  # noqa: S607
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def restart(container: str) -> None:
    """Start a container that was killed, and wait until it is healthy."""
    docker("start", container)
    while json.loads(docker("inspect", container))[0]["State"]["Health"]["Status"] != "healthy":
        time.sleep(0.5)
