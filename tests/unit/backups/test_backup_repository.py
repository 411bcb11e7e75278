"""What restic says becomes a line that says what to do; a repository that was there is never begun anew."""

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from slidegenie_backup.cache import _serve
from slidegenie_backup.config import Config
from slidegenie_backup.problems import Problem
from slidegenie_backup.repository import Repository, Taken
from slidegenie_backup.restic import FullError

Script = Callable[[str], None]
CONFIG = '{"id": "abc"}'
KEYS = '[{"id": "k1", "current": true, "userName": "slidegenie", "hostName": "0123456789ab"}]'
SNAPSHOTS = json.dumps(
    [
        {"id": "bbbb2222", "time": "2026-02-02T01:00:00Z", "hostname": "slidegenie-test", "paths": ["/work/spool"]},
        {"id": "aaaa1111", "time": "2026-01-01T01:00:00Z", "hostname": "slidegenie-test", "paths": ["/work/spool"]},
        {"id": "bbcc3333", "time": "2026-03-03T01:00:00Z", "hostname": "slidegenie-other", "paths": ["/work/spool"]},
    ]
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.read(
        {
            "BACKUP_STACK": "slidegenie-test",
            "RESTIC_REPOSITORY": "/repository",
            "BACKUP_PLACE": "volume",
            "RESTIC_PASSWORD_FILE": "/run/secrets/repository-password",
            "BACKUP_DEPUTY_FILE": "/run/secrets/repository-deputy",
            "BACKUP_WORK": str(tmp_path / "work"),
            "KEEP_DAILY": "7",
            "KEEP_WEEKLY": "4",
            "KEEP_MONTHLY": "6",
        }
    )


@pytest.fixture
def restic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Put a shell script in the place of restic; it notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def write(body: str) -> None:
        script = folder / "restic"
        keys = f"[ \"$1 $2\" = 'key list' ] && echo '{KEYS}' && exit 0"
        script.write_text(
            f"#!/bin/sh\nif [ $1 = --help ]; then cat {tmp_path}/help 2>/dev/null; exit 0; fi\n"
            f'echo "$@" >> {tmp_path}/calls\n[ $1 = --no-lock ] && shift\n{keys}\n{body}\n'
        )
        script.chmod(0o755)

    return write


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_a_repository_is_made_where_there_never_was_one(config: Config, restic: Script, tmp_path: Path) -> None:
    restic(
        f"[ -e {tmp_path}/made ] && echo '{CONFIG}' && exit 0\n"
        f"[ $1 = init ] && touch {tmp_path}/made && exit 0\n"
        "echo 'Is there a repository at the following location?' >&2; exit 1"
    )
    Repository(config).open()
    made, after = calls(tmp_path)[:3], calls(tmp_path)[-2:]
    assert made == ["--no-lock cat config", "init", "cat config"]
    assert "key add --user slidegenie --host slidegenie-test" in after[0], "not after the container it was made in"
    assert after[1] == "key remove k1"
    (known,) = config.work.glob("repository-*")
    assert known.read_text() == "abc"


def test_a_repository_that_went_is_not_begun_anew(config: Config, restic: Script, tmp_path: Path) -> None:
    restic(f"echo '{CONFIG}'")
    Repository(config).open()
    restic("echo 'Fatal: repository does not exist' >&2; exit 10")
    with pytest.raises(Problem, match="the repository at /repository is gone; it was there before"):
        Repository(config).open()
    assert not [call for call in calls(tmp_path) if call.startswith("init")]
    # At another place there may be none.
    with pytest.raises(Problem, match="cannot be made"):
        Repository(dataclasses.replace(config, place="/mnt/other")).open()


def test_a_new_password_is_let_in_by_the_deputy(config: Config, restic: Script, tmp_path: Path) -> None:
    restic(
        f"if [ \"$1 $2\" = 'key add' ]; then touch {tmp_path}/added; fi\n"
        f"[ -e {tmp_path}/added ] || [ $RESTIC_PASSWORD_FILE = {config.deputy_file} ] || "
        "{ echo 'in words of a later version' >&2; exit 12; }\n"
        f"echo '{CONFIG}'"
    )
    Repository(config).admit()
    assert len([call for call in calls(tmp_path) if f"--new-password-file {config.password_file}" in call]) == 1


def test_no_repository_is_made_to_let_a_password_in(config: Config, restic: Script, tmp_path: Path) -> None:
    restic("exit 10")
    Repository(config).admit()
    assert calls(tmp_path) == ["--no-lock cat config"]


def test_a_repository_that_went_takes_no_password(config: Config, restic: Script) -> None:
    restic(f"echo '{CONFIG}'")
    Repository(config).open()
    restic("exit 10")
    with pytest.raises(Problem, match="is gone; it was there before"):
        Repository(config).admit()


def test_a_drill_never_makes_a_repository(config: Config, restic: Script) -> None:
    restic("exit 10")
    with pytest.raises(Problem, match="there is no repository at /repository: run `make backup` first"):
        Repository(config, read_only=True).open()


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("Fatal: wrong password or no key found", "the password does not open the repository"),
        ("Save(<data/1>) failed: write /repository/x: no space left on device", "the disk of the repository is full"),
        ("Load(<data/1>): ciphertext verification failed", "the repository is damaged"),
        ("Fatal: repository contains errors", "the repository is damaged"),
        (
            "unable to create lock in backend: repository is already locked by PID 7",
            "the repository is in use by another run",
        ),
        ("open /repository/locks/1: permission denied", "may not be written by user 1000"),
        ("dial tcp: lookup s3.example.com: no such host", "the repository cannot be reached"),
        ("client.GetObject: Access Denied.", "refuses the credentials"),
        ("something never seen", "something never seen"),
    ],
)
def test_what_restic_says_is_explained(config: Config, restic: Script, said: str, meaning: str) -> None:
    restic(f"echo '{said}' >&2; exit 1")
    repository = Repository(config)
    for task in (repository.open, repository.snapshots, repository.check, lambda: repository.backup([Path("/x")])):
        with pytest.raises(Problem, match=meaning):
            task()


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(11, "the repository is in use by another run"), (12, "the password does not open the repository")],
)
def test_an_exit_code_says_it_in_whatever_words(config: Config, restic: Script, code: int, meaning: str) -> None:
    restic(f"echo 'in words of a later version' >&2; exit {code}")
    with pytest.raises(Problem, match=meaning):
        Repository(config).snapshots()


def test_a_damaged_configuration_is_not_taken_for_a_missing_repository(config: Config, restic: Script) -> None:
    restic(
        "echo 'config or key is damaged: ciphertext verification failed' >&2; echo Is there a repository >&2; exit 1"
    )
    with pytest.raises(Problem, match="the repository is damaged"):
        Repository(config).open()


def test_a_snapshot_says_how_much_it_holds_and_adds(config: Config, restic: Script, tmp_path: Path) -> None:
    summary = {"message_type": "summary", "snapshot_id": "a", "total_bytes_processed": 10, "data_added": 4}
    restic(f"echo '{json.dumps({'message_type': 'status'})}'\necho '{json.dumps(summary)}'")
    assert Repository(config).backup([Path("/work/spool"), Path("/volumes/x")]) == Taken(10, 4, ())
    assert calls(tmp_path) == ["backup --host slidegenie-test --tag slidegenie --json --quiet /work/spool /volumes/x"]


def test_an_incomplete_snapshot_is_no_backup_and_does_not_stay(config: Config, restic: Script, tmp_path: Path) -> None:
    summary = {"message_type": "summary", "snapshot_id": "partly", "total_bytes_processed": 1, "data_added": 1}
    restic(f"[ $1 = forget ] && exit 0\necho '{json.dumps(summary)}'; echo 'cannot read /volumes/x' >&2; exit 3")
    with pytest.raises(Problem, match="the snapshot could not be taken: cannot read /volumes/x"):
        Repository(config).backup([Path("/volumes/x")])
    assert calls(tmp_path)[-1] == "forget partly"


GONE = {"message_type": "error", "during": "archival", "item": "/volumes/x/tmp"}
OLD_GONE = GONE | {"error": {"Op": "open", "Path": "/volumes/x/tmp", "Err": 2}}
NEW_GONE = GONE | {"error": {"message": "open /volumes/x/tmp: no such file or directory"}}
DENIED = GONE | {"error": {"message": "open /volumes/x/a: permission denied"}, "item": "/volumes/x/a"}
OURS = GONE | {"error": {"message": "no such file or directory"}, "item": "/work/spool/postgres.dump"}


def incomplete(restic: Script, *said: Mapping[str, object]) -> None:
    summary = {"message_type": "summary", "snapshot_id": "partly", "total_bytes_processed": 1, "data_added": 1}
    errors = "\n".join(f"echo '{json.dumps(message)}' >&2" for message in said)
    restic(f"[ $1 = forget ] && exit 0\necho '{json.dumps(summary)}'\n{errors}\nexit 3")


@pytest.mark.parametrize(("said", "unread"), [([OLD_GONE, NEW_GONE], ()), ([NEW_GONE, DENIED], ("/volumes/x/a",))])
def test_files_of_a_volume_in_use_do_not_cost_the_backup_of_the_database(
    config: Config, restic: Script, tmp_path: Path, said: list[Mapping[str, object]], unread: tuple[str, ...]
) -> None:
    incomplete(restic, *said)
    kept = Repository(dataclasses.replace(config, volumes=(Path("/volumes/x"),)))
    assert kept.backup([Path("/work/spool"), Path("/volumes/x")]).unread == unread
    assert not [call for call in calls(tmp_path) if call.startswith("forget")]


def test_a_snapshot_without_a_file_of_ours_is_none(config: Config, restic: Script, tmp_path: Path) -> None:
    incomplete(restic, NEW_GONE, OURS)
    with pytest.raises(Problem, match="the snapshot could not be taken"):
        Repository(dataclasses.replace(config, volumes=(Path("/volumes/x"),))).backup([Path("/work/spool")])
    assert calls(tmp_path)[-1] == "forget partly"


def test_no_room_to_read_a_snapshot_back_is_not_blamed_on_the_repository(config: Config, restic: Script) -> None:
    restic(f"[ $1 = snapshots ] && echo '{SNAPSHOTS}' && exit 0\necho 'no space left on device' >&2; exit 1")
    repository = Repository(config, read_only=True)
    with pytest.raises(FullError, match=f"cannot be read back: the disk of {config.work} is full"):
        repository.restore(repository.find("latest"), config.work)


def test_the_newest_snapshot_is_that_of_this_stack(config: Config, restic: Script) -> None:
    restic(f"echo '{SNAPSHOTS}'")
    repository = Repository(config)
    assert [snapshot.identity for snapshot in repository.snapshots()] == ["aaaa1111", "bbbb2222", "bbcc3333"]
    assert repository.find("latest").identity == "bbbb2222"
    assert repository.find("bbc").identity == "bbcc3333"
    for wanted, said in (("bb", "2 snapshots have"), ("ff", "no snapshot has"), ("", "no snapshot has")):
        with pytest.raises(Problem, match=f"{said} an ID that begins with '{wanted}'"):
            repository.find(wanted)


def test_a_stack_without_snapshots_is_told_whose_there_are(config: Config, restic: Script) -> None:
    restic(f"echo '{json.dumps(json.loads(SNAPSHOTS)[2:])}'")
    with pytest.raises(Problem, match="no snapshot of slidegenie-test; there are some of slidegenie-other"):
        Repository(config).find("latest")
    restic("echo null")
    with pytest.raises(Problem, match="no snapshot of slidegenie-test; run `make backup` first"):
        Repository(config).find("latest")


def test_the_retention_keeps_all_of_the_last_days_besides(config: Config, restic: Script, tmp_path: Path) -> None:
    restic("exit 0")
    Repository(config).forget()
    assert calls(tmp_path)[0] == (
        "forget --host slidegenie-test --tag slidegenie --group-by host,tags --keep-within 2d"
        " --keep-daily 7 --keep-weekly 4 --keep-monthly 6 --prune"
    )
    Repository(config).forget(thrifty=True)
    assert calls(tmp_path)[1] == f"{calls(tmp_path)[0]} --max-repack-size 0"


def test_what_a_killed_run_left_locked_is_unlocked_before_anything_needs_a_lock(
    config: Config, restic: Script, tmp_path: Path
) -> None:
    restic(
        f"[ $1 = unlock ] && touch {tmp_path}/unlocked && exit 0\n[ $1 = cat ] && echo '{CONFIG}' && exit 0\n"
        f"[ -e {tmp_path}/unlocked ] || {{ echo 'repository is already locked by PID 7' >&2; exit 1; }}"
    )
    repository = Repository(config)
    repository.open()
    repository.forget()
    assert calls(tmp_path)[:2] == ["--no-lock cat config", "unlock"]


def test_a_new_password_is_let_in_past_a_lock_that_was_left_behind(
    config: Config, restic: Script, tmp_path: Path
) -> None:
    restic(
        f"[ $1 = unlock ] && [ $RESTIC_PASSWORD_FILE = {config.deputy_file} ] && touch {tmp_path}/unlocked\n"
        f"[ $1 = key ] && touch {tmp_path}/admitted && test -e {tmp_path}/unlocked && exit 0\n"
        f"[ -e {tmp_path}/admitted ] || [ $RESTIC_PASSWORD_FILE = {config.deputy_file} ] || "
        "{ echo 'wrong password or no key found' >&2; exit 1; }\n"
        f"echo '{CONFIG}'"
    )
    Repository(config).open()
    assert (tmp_path / "admitted").exists()


def test_who_shares_a_repository_waits_for_the_others_where_restic_can(
    config: Config, restic: Script, tmp_path: Path
) -> None:
    (tmp_path / "help").write_text("  --retry-lock duration   retry to lock the repository\n")
    restic("exit 0")
    Repository(config).forget()
    assert calls(tmp_path)[0].startswith("--retry-lock 10m forget --host")


def test_the_drill_and_the_check_lock_nothing(config: Config, restic: Script, tmp_path: Path) -> None:
    restic(f"echo '{SNAPSHOTS}'")
    Repository(config, read_only=True).snapshots()
    Repository(config).check(10)
    assert calls(tmp_path) == ["--no-lock snapshots --tag slidegenie --json", "--no-lock check --read-data-subset=10%"]


def test_redis_is_handed_a_snapshot_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "redis.rdb").write_bytes(b"REDIS0010 and so on")
    ours, replica = socket.socketpair()
    with ours, replica:
        replica.settimeout(5)
        serving = threading.Thread(target=_serve, args=(ours, tmp_path / "redis.rdb"))
        serving.start()
        answers = b""
        for command in (b"*1\r\n$4\r\nPING\r\n", b"*3\r\n$8\r\nreplconf\r\n$4\r\ncapa\r\n$3\r\neof\r\n"):
            replica.sendall(command)
            answers += replica.recv(100)
        replica.sendall(b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n")
        serving.join()
        answers += replica.recv(1000)
    assert answers == b"+PONG\r\n+OK\r\n+FULLRESYNC " + b"0" * 39 + b"1 0\r\n$19\r\nREDIS0010 and so on"
