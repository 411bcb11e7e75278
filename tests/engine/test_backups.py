"""Backups on a real engine: what was lost comes back whole, and what goes wrong is said and leaves the rest alone."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from ..conftest import Figures
from ..support.faults import kill_main_process
from ..support.hardening import violations
from ..support.prometheus import Prometheus, queries
from ..support.stored import Data, restart
from ..support.waiting import until
from ..support.workspace import Workspace, docker
from .conftest import missing_for_compose

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

_FIRST_PORT, _PROMETHEUS = 25020, 25025
_ROWS, _OBJECTS = 10_000, 1_000
_DRIVER = ("python3", "-m", "slidegenie_backup")
_LOCKS = "ls /repository/locks | grep -v tmp || true"
"""Without the files that become one only when they are written to their end."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A platform with backups and monitoring, on stand-in images."""
    if reason := missing_for_compose():
        pytest.skip(reason)
    made = Workspace.make(tmp_path_factory.mktemp("backups"), "bakups", "compose", _FIRST_PORT)
    made.configure("backup", enabled=True)
    made.configure("backend", startSeconds=60, replicas=1)
    made.configure("monitoring", enabled=True, scrapeSeconds=1, ports={"prometheus": _PROMETHEUS})
    made.destroy()
    try:
        up = made.run("up")
        assert up.code == 0, up.text
        yield made
    finally:
        made.destroy()


@pytest.fixture(scope="module")
def data(stack: Workspace) -> Data:
    """The platform with rows, objects and a first backup of them."""
    stored = Data(stack)
    stored.make(_ROWS, _OBJECTS)
    done = stack.run("backup")
    assert done.code == 0, done.text
    return stored


def _alerts(name: str) -> bool:
    return bool(Prometheus(_PROMETHEUS).ask(f'ALERTS{{alertname="{name}"}}'))


def test_everything_comes_back_after_everything_was_destroyed(stack: Workspace, data: Data, figures: Figures) -> None:
    before = data.digest()
    seconds = {}
    assert before["objects"].startswith(f"{_OBJECTS} ")
    assert f"bulk|{_ROWS}|" in before["rows"]
    for command, *options in (
        ("destroy", "--confirm", stack.stack),
        ("up",),
        ("restore", "--confirm", stack.stack),
    ):
        started = time.monotonic()
        done = stack.run(command, *options)
        seconds[command] = time.monotonic() - started
        assert done.code == 0, done.text
        if command == "destroy":
            left = docker("volume", "ls", "--quiet", "--filter", f"label=io.slidegenie.stack={stack.label}").split()
            assert left == [f"slidegenie-{stack.stack}-backups"]
            assert "the backups and their password stay" in done.out
    assert data.digest() == before
    figures(", ".join(f"{command} {took:.1f} s" for command, took in seconds.items()))


def test_the_drill_restores_the_newest_backup_where_nothing_else_can_be_reached(stack: Workspace, data: Data) -> None:
    drill = stack.run("drill")
    assert drill.code == 0, drill.text
    assert "every checksum the same" in drill.out
    assert data.metrics("restore_drill")["success"] == 1
    container = stack.containers("restore-drill")[0]
    assert container["HostConfig"]["NetworkMode"] == "none"
    assert not [line for line in container["Config"]["Env"] if line.startswith(("DATABASE_", "S3_", "REDIS_"))]


def test_every_metric_that_an_alert_asks_for_is_written(stack: Workspace, data: Data) -> None:
    done = stack.run("backup")
    assert done.code == 0, done.text
    assert data.driver("check").returncode == 0
    told = data.shell("cat /textfiles/*.prom")
    asked = {vector for query in queries() if query.where.startswith("backups.yml") for vector in query.vectors}
    assert "slidegenie_restore_drill_success" in asked
    assert [name for name in sorted(asked) if f"\n{name} " not in told and f"\n{name}{{" not in told] == []


def test_the_containers_are_hardened_and_the_backup_has_no_way_out(stack: Workspace) -> None:
    servers = [*stack.containers("backup"), *stack.containers("restore-drill")]
    assert [line for server in servers for line in violations(server)] == []
    (network,) = servers[0]["NetworkSettings"]["Networks"]
    assert docker("network", "inspect", "--format", "{{.Internal}}", network).strip() == "true"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may kill the processes of containers")
@pytest.mark.parametrize("service", ["backup", "restore-drill"])
def test_who_backs_up_is_back_when_its_main_process_is_killed(stack: Workspace, data: Data, service: str) -> None:
    before = data.snapshots()
    kill_main_process(stack, service)
    assert data.snapshots() == before


def test_a_restore_puts_back_what_was_changed_deleted_and_added(stack: Workspace, data: Data) -> None:
    before = data.digest()
    data.sql("DELETE FROM bulk WHERE n % 2 = 0; UPDATE bulk SET t = 'changed'; CREATE TABLE added AS SELECT 1 AS one;")
    data.python(
        "import obstore\nfrom slidegenie_backup.config import Config\nfrom slidegenie_backup.objects import Bucket\n"
        "bucket = Bucket.configured(Config.read())\n"
        "bucket.remove([f'kept/{n:05}.bin' for n in range(10, 200)])\n"
        "obstore.put(bucket._store, 'kept/00500.bin', b'changed')\nobstore.put(bucket._store, 'added', b'x')\n"
    )
    damaged = data.digest()
    only = stack.run("restore", "--confirm", stack.stack, "--only", "objects")
    assert only.code == 0, only.text
    assert data.digest() == {"rows": damaged["rows"], "objects": before["objects"]}
    everything = stack.run("restore", "--confirm", stack.stack)
    assert everything.code == 0, everything.text
    assert data.digest() == before
    assert data.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'slidegenie%'").strip() == "1"
    assert data.sql("SELECT to_regclass('added') IS NULL").strip() == "t"


def test_a_restore_asks_and_says_what_it_cannot_find(stack: Workspace, data: Data) -> None:
    before = data.digest()
    unasked = stack.run("restore")
    unknown = stack.run("restore", "--confirm", stack.stack, "--snapshot", "0000dead")
    wrong = stack.run("restore", "--confirm", stack.stack, "--only", "everything")
    assert (unasked.code, unknown.code, wrong.code) == (1, 1, 2)
    assert f"make restore CONFIRM={stack.stack}" in unasked.err
    assert "no snapshot has an ID that begins with '0000dead'" in unknown.text
    assert "'everything' is not one of 'postgres', 'objects'" in wrong.err
    assert data.digest() == before


def test_a_restore_that_is_killed_in_the_middle_goes_back_by_itself(data: Data) -> None:
    data.sql("UPDATE bulk SET t = 'newer than the backup' WHERE n < 10")
    data.python(
        "import obstore\nfrom slidegenie_backup.config import Config\nfrom slidegenie_backup.objects import Bucket\n"
        "obstore.put(Bucket.configured(Config.read())._store, 'newer', b'than the backup')\n"
    )
    before = data.digest()
    assert data.driver("prepare", "latest").returncode == 0
    backup, redis = data.container("backup"), data.container("redis")
    # Redis comes after database and bucket: here it does not answer, so both are swapped when the kill comes.
    docker("pause", redis)
    try:
        commit = subprocess.Popen(["docker", "exec", backup, *_DRIVER, "commit"])  # noqa: S607
        until(lambda: "redis-cli" in docker("top", backup), "the bucket is swapped", 60)
        docker("kill", backup)
        commit.wait()
    finally:
        docker("unpause", redis)
    restart(backup)
    until(lambda: data.driver("commit").stdout.count("no restore is prepared") == 1, "it went back", 60)
    assert data.digest() == before


def test_a_restore_that_fails_in_the_middle_leaves_what_was_there(data: Data) -> None:
    before = data.digest()
    assert data.driver("prepare", "latest").returncode == 0
    docker("stop", data.container("redis"))
    try:
        failed = data.driver("commit")
    finally:
        restart(data.container("redis"))
    assert failed.returncode == 1
    assert "everything is as it was before the restore" in failed.stdout
    assert "commit failed: Redis takes no snapshot" in failed.stdout
    assert data.digest() == before


def test_redis_comes_back_with_a_restore_of_everything_and_is_emptied_by_a_part(stack: Workspace, data: Data) -> None:
    app = data.container("app")
    url = (
        "from app.settings import Settings; from app.dependencies.cache import create_client; import asyncio\n"
        "client = create_client(Settings())\n"
    )
    docker("exec", app, "python", "-c", url + "asyncio.run(client.set('slidegenie:kept', 'value'))")
    assert stack.run("backup").code == 0
    docker("exec", app, "python", "-c", url + "asyncio.run(client.set('slidegenie:other', 'value'))")
    assert data.redis("DBSIZE") == "2"
    assert stack.run("restore", "--confirm", stack.stack).code == 0
    assert data.redis("DBSIZE") == "1"
    assert stack.run("restore", "--confirm", stack.stack, "--only", "postgres").code == 0
    assert data.redis("DBSIZE") == "0"


def test_a_wrong_password_is_said_and_changes_nothing(data: Data) -> None:
    before = data.snapshots()
    data.shell("echo other > /tmp/password")
    both = dict.fromkeys(("RESTIC_PASSWORD_FILE", "BACKUP_DEPUTY_FILE"), "/tmp/password")  # noqa: S108 - of the container
    failed = data.driver("backup", **both)
    assert failed.returncode == 1
    assert "the password does not open the repository" in failed.stdout
    assert data.metrics()["success"] == 0
    until(lambda: _alerts("BackupFailed"), "the alert", 30)
    assert data.snapshots() == before


def test_a_new_password_is_let_in_by_the_other_one_and_the_old_one_ends(data: Data) -> None:
    before = data.snapshots()
    data.shell("echo by-hand > /tmp/by-hand; restic key add --user somebody --new-password-file /tmp/by-hand")
    data.shell("echo new > /tmp/new; cp $RESTIC_PASSWORD_FILE /tmp/old; cp $BACKUP_DEPUTY_FILE /tmp/deputy")
    opens = "RESTIC_PASSWORD_FILE=/tmp/{} restic cat config >/dev/null 2>&1 && echo {} || true"
    which = "; ".join(opens.format(name, name) for name in ("old", "deputy", "new", "by-hand"))

    for variable, replaced in (("RESTIC_PASSWORD_FILE", "old"), ("BACKUP_DEPUTY_FILE", "deputy")):
        assert data.driver("admit", **{variable: "/tmp/new"}).returncode == 0  # noqa: S108 - of the container
        assert data.shell(which).split() == [name for name in ("old", "deputy", "new", "by-hand") if name != replaced]
        # What the container itself has is let in again.
        assert data.driver("admit").returncode == 0
        assert data.snapshots() == before
        assert data.shell(which).split() == ["old", "deputy", "by-hand"]


def test_a_missing_bucket_is_no_empty_backup(data: Data) -> None:
    before = data.snapshots()
    failed = data.driver("backup", S3_BUCKET="nowhere")
    assert failed.returncode == 1
    assert "bucket nowhere cannot be listed: it does not exist, or these keys may not use it" in failed.stdout
    assert data.metrics()["success"] == 0
    until(lambda: _alerts("BackupFailed"), "the alert", 30)
    assert data.snapshots() == before


def test_a_prune_that_is_killed_stops_neither_backup_nor_restore(stack: Workspace, data: Data) -> None:
    before = data.digest()
    assert data.shell("hostname").strip() == f"slidegenie-{stack.stack}-backup", "it tells its locks from others'"
    data.shell(
        "restic prune --max-unused 0 >/dev/null 2>&1 & prune=$!;"
        f' until [ -n "$({_LOCKS})" ]; do sleep 0.01; done; kill -9 $prune'
    )
    assert data.shell(_LOCKS).split()
    listed = data.snapshots()
    assert stack.run("backup").code == 0
    assert data.shell(_LOCKS).split() == []
    assert data.metrics()["retention_success"] == 1
    assert len(data.snapshots()) == len(listed) + 1
    assert stack.run("restore", "--confirm", stack.stack).code == 0
    assert data.digest() == before


def test_a_full_work_folder_is_told_and_leaves_nothing_in_it(data: Data) -> None:
    # /tmp is 16 MiB of memory.
    data.shell("mkdir /tmp/work; head -c 20000000 /dev/zero > /tmp/filler 2>/dev/null || true")
    try:
        failed = data.driver("backup", BACKUP_WORK="/tmp/work")  # noqa: S108
        left = data.shell("find /tmp/work -name postgres.dump -o -name redis.rdb -o -name '.*part*'")
    finally:
        data.shell("rm -rf /tmp/work /tmp/filler")
    assert failed.returncode == 1
    assert data.metrics()["success"] == 0
    until(lambda: _alerts("BackupFailed"), "the alert", 30)
    assert left == ""


def test_a_full_disk_leaves_the_snapshot_before_whole(data: Data) -> None:
    # /tmp is 16 MiB of memory.
    other = {"RESTIC_REPOSITORY": "/tmp/repository", "BACKUP_WORK": "/work/other"}  # noqa: S108
    try:
        first = data.driver("backup", **other)
        assert first.returncode == 0, first.stdout
        before = data.driver("list", **other).stdout
        _put_random(data, "large", 24)
        failed = data.driver("backup", **other)
        assert failed.returncode == 1
        assert "the disk of the repository is full" in failed.stdout
        assert "removing old snapshots, then once more" in failed.stdout
        assert data.metrics()["success"] == 0
        until(lambda: _alerts("BackupFailed"), "the alert", 30)
        assert data.driver("list", **other).stdout == before
        assert data.driver("check", **other, CHECK_PERCENT="100").returncode == 0
    finally:
        _remove(data, "large")
        data.shell("rm -rf /tmp/repository /work/other")


def test_a_backup_that_is_killed_leaves_the_snapshot_before_and_the_next_one_is_good(
    stack: Workspace, data: Data
) -> None:
    before, backup, running = _stopped_in_the_middle(data)
    docker("kill", backup)
    running.wait()
    restart(backup)
    assert data.snapshots() == before
    assert data.metrics()["success"] == 0
    until(lambda: _alerts("BackupFailed"), "the alert", 30)
    _remove(data, "large")
    assert stack.run("backup").code == 0
    assert data.metrics()["success"] == 1
    until(lambda: not _alerts("BackupFailed"), "the alert goes", 30)
    assert stack.run("drill").code == 0


def test_a_dump_that_restores_nothing_is_caught_though_every_tool_succeeds(stack: Workspace, data: Data) -> None:
    before = data.digest()
    data.python(
        "from slidegenie_backup import backup, manifest\nfrom slidegenie_backup.config import Config\n"
        "from slidegenie_backup.postgres import Server\nfrom slidegenie_backup.process import run\n"
        "from slidegenie_backup.repository import Repository\n"
        "config = Config.read()\nspool = config.work / backup.SPOOL\ncontent = backup._collect(config, spool)\n"
        "server = Server.configured(config)\n"
        "nothing = ['pg_dump', '-Fc', '--schema-only', '-f', str(spool / manifest.DUMP), server.database]\n"
        "run(nothing, server.environment, task='the dump of nothing')\n"
        "content['postgres'] |= manifest.described(spool / manifest.DUMP)\nmanifest.write(spool, content)\n"
        "Repository(config).backup([spool])\n"
    )
    bad = data.snapshots()[0]
    try:
        drill = stack.run("drill")
        restore = stack.run("restore", "--confirm", stack.stack)
    finally:
        data.python(
            "from slidegenie_backup.config import Config\nfrom slidegenie_backup.repository import Repository\n"
            f"assert Repository(Config.read())._call('forget', '{bad}').returncode == 0\n"
        )
    assert (drill.code, restore.code) == (1, 1)
    assert f"table public.bulk has 0 rows instead of {_ROWS}" in drill.text
    assert f"table public.bulk has 0 rows instead of {_ROWS}" in restore.text
    assert data.metrics("restore_drill")["success"] == 0
    until(lambda: _alerts("RestoreDrillFailed"), "the alert", 30)
    assert data.digest() == before


def test_a_damaged_repository_is_found_by_check_drill_and_restore(stack: Workspace, data: Data) -> None:
    before = data.digest()
    # Not one pack but all: which of them holds what is restic's business.
    data.shell(
        "for f in $(find /repository/data -type f); do cp $f /work/$(basename $f).good; chmod u+w $f;"
        " printf damage | dd of=$f bs=1 seek=40 conv=notrunc status=none; done"
    )
    try:
        check = data.driver("check", CHECK_PERCENT="100")
        drill = stack.run("drill")
        restore = stack.run("restore", "--confirm", stack.stack)
    finally:
        data.shell(
            "for f in $(find /repository/data -type f); do cat /work/$(basename $f).good > $f; chmod u-w $f; done;"
            " rm -f /work/*.good"
        )
    assert (check.returncode, drill.code, restore.code) == (1, 1, 1)
    for said in (check.stdout, drill.text, restore.text):
        assert "the repository is damaged" in said
    assert data.metrics()["data_check_success"] == 0
    until(lambda: _alerts("BackupRepositoryDamaged"), "the alert", 30)
    assert data.digest() == before
    assert data.driver("check", CHECK_PERCENT="100").returncode == 0
    assert stack.run("drill").code == 0


def test_a_repository_that_went_is_not_begun_anew(data: Data) -> None:
    data.shell("mv /repository/config /work/config.away")
    try:
        failed = data.driver("backup")
    finally:
        data.shell("mv /work/config.away /repository/config")
    assert failed.returncode == 1
    assert "the repository at /repository is gone" in failed.stdout


def test_hooks_run_around_the_backup_and_a_bad_one_before_stops_it(data: Data) -> None:
    before = data.snapshots()
    good = data.driver("backup", BACKUP_BEFORE="echo first", BACKUP_AFTER='echo "then $BACKUP_RESULT"')
    assert good.returncode == 0
    assert good.stdout.index("first\n") < good.stdout.index("snapshot taken") < good.stdout.index("then succeeded\n")
    bad = data.driver("backup", BACKUP_BEFORE="exit 7")
    assert bad.returncode == 1
    assert "backup.before ended with exit code 7" in bad.stdout
    assert len(data.snapshots()) == len(before) + 1


def _stopped_in_the_middle(data: Data) -> tuple[list[str], str, "subprocess.Popen[bytes]"]:
    """Return the snapshots, and container and client of a backup whose restic is stopped while it writes."""
    backup = data.container("backup")
    for _ in range(5):
        _put_random(data, "large", 48)
        before = data.snapshots()
        running = subprocess.Popen(["docker", "exec", backup, "python3", "-m", "slidegenie_backup", "backup"])  # noqa: S607
        until(lambda: " backup --host" in docker("top", backup, "-o", "pid,args"), "restic writes", 60)
        process = data.shell("grep -lsx restic /proc/[0-9]*/comm | cut -d/ -f3 || true").strip()
        # It may have been faster: only a run without its snapshot is in the middle.
        if process and data.shell(f"kill -STOP {process} && echo stopped || true") and data.snapshots() == before:
            return before, backup, running
        data.shell(f"kill -CONT {process} || true")
        running.wait()
    raise AssertionError("restic was faster five times")


def _remove(data: Data, key: str) -> None:
    data.python(
        "from slidegenie_backup.config import Config\nfrom slidegenie_backup.objects import Bucket\n"
        f"Bucket.configured(Config.read()).remove(['{key}'])\n"
    )


def _put_random(data: Data, key: str, mebibytes: int) -> None:
    data.python(
        "import os, obstore\nfrom slidegenie_backup.config import Config\n"
        "from slidegenie_backup.objects import Bucket\n"
        f"obstore.put(Bucket.configured(Config.read())._store, '{key}', os.urandom({mebibytes} << 20))\n"
    )
