"""The driver in the backup image: what it notes, compares and says, without any server."""

import json
import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import obstore
import pytest
from pytest_httpserver import HTTPServer
from slidegenie_backup import manifest, postgres, rdb
from slidegenie_backup.config import Config
from slidegenie_backup.files import only_one, write_whole
from slidegenie_backup.objects import (
    Bucket,
    Stored,
    copy_all,
    differing,
    file_of,
    keep_only,
    look_all,
    read_index,
    write_index,
)
from slidegenie_backup.postgres import differences, literal, quoted
from slidegenie_backup.problems import Problem

from .driven import bucket, configured


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(Problem, match="the variable RESTIC_REPOSITORY is missing"):
        Config.read({"BACKUP_STACK": "x"})


def test_credentials_reach_restic_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text('{"AWS_ACCESS_KEY_ID": "key"}')
    config = configured(tmp_path, BACKUP_CREDENTIALS_FILE=str(tmp_path / "credentials"))
    assert config.restic["AWS_ACCESS_KEY_ID"] == "key"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


def test_a_secret_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="S3_SECRET_KEY_FILE: /nowhere cannot be read: No such file"):
        configured(tmp_path, S3_SECRET_KEY_FILE="/nowhere").secret("S3_SECRET_KEY_FILE")


_DATABASE = {"DATABASE_HOST": "db", "DATABASE_PORT": "5432", "DATABASE_USER": "u", "DATABASE_NAME": "d"}


@pytest.mark.parametrize(
    ("variables", "trusted"),
    [
        ({"DATABASE_SSLMODE": "disable"}, None),
        ({"DATABASE_SSLMODE": "require"}, None),
        ({"DATABASE_SSLMODE": "verify-ca"}, "/etc/ssl/certs/ca-certificates.crt"),
        ({"DATABASE_SSLMODE": "verify-full"}, "/etc/ssl/certs/ca-certificates.crt"),
        ({"DATABASE_SSLMODE": "verify-full", "SSL_CERT_FILE": "/own.pem"}, "/own.pem"),
        ({"DATABASE_SSLMODE": "verify-full", "DATABASE_SSLROOTCERT": "/run/secrets/root"}, "/run/secrets/root"),
    ],
)
def test_libpq_trusts_whom_the_application_trusts(
    tmp_path: Path, variables: dict[str, str], trusted: str | None
) -> None:
    password = {"DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    server = postgres.Server.configured(configured(tmp_path, **_DATABASE, **password, **variables))
    assert server.environment.get("PGSSLROOTCERT") == trusted
    assert server.environment["PGSSLMODE"] == variables["DATABASE_SSLMODE"]


def test_only_the_line_break_at_its_end_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" word \r\n")
    assert configured(tmp_path, S3_SECRET_KEY_FILE=str(tmp_path / "secret")).secret("S3_SECRET_KEY_FILE") == " word "


def test_two_runs_do_not_share_the_work_folder(tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(Problem, match="another backup, check, restore or drill is running"),
        only_one(tmp_path),
    ):
        pass
    with only_one(tmp_path):
        pass


def test_a_file_is_written_whole_and_readable_for_the_monitoring(tmp_path: Path) -> None:
    write_whole(tmp_path / "sub" / "file", "text")
    assert (tmp_path / "sub" / "file").read_text() == "text"
    assert (tmp_path / "sub" / "file").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["file"]


def test_a_bucket_is_looked_through_without_keeping_anything(tmp_path: Path) -> None:
    _, source = bucket(a=b"one", b=b"two")
    assert look_all(source) == copy_all(source, tmp_path)
    assert source.size() == 6


def test_a_file_whose_object_ended_early_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = bucket(a=b"one")

    def cut(*_: object) -> None:
        raise Problem("ended early")

    monkeypatch.setattr(source, "look", cut)
    with pytest.raises(Problem, match="ended early"):
        copy_all(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


LISTED = (
    b"""<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"""
)


@pytest.mark.parametrize(("listing", "puts"), [(200, 0), (404, 1)])
def test_keys_that_may_make_no_bucket_can_use_the_one_there_is(httpserver: HTTPServer, listing: int, puts: int) -> None:
    listed = LISTED if listing == 200 else b"<Error><Code>NoSuchBucket</Code></Error>"
    httpserver.expect_request("/b", method="GET").respond_with_data(listed, listing)
    httpserver.expect_request("/b/", method="PUT").respond_with_data(b"<Error><Code>AccessDenied</Code></Error>", 403)
    there = Bucket.at(httpserver.url_for("").rstrip("/"), "b", "key", "secret")
    with nullcontext() if puts == 0 else pytest.raises(Problem, match="bucket b"):
        there.make_if_missing()
    assert [request.method for request, _ in httpserver.log].count("PUT") == puts
    httpserver.check()


def test_what_a_bucket_holds_is_copied_once_and_again_only_when_it_was_written(tmp_path: Path) -> None:
    store, source = bucket(a=b"one", b=b"two")
    first = copy_all(source, tmp_path)
    assert [(item.key, file_of(tmp_path, item.sha256).read_bytes()) for item in first] == [("a", b"one"), ("b", b"two")]
    file_of(tmp_path, first[0].sha256).write_bytes(b"not read again")
    obstore.put(store, "b", b"three")
    second = copy_all(source, tmp_path, known=first)
    assert file_of(tmp_path, second[0].sha256).read_bytes() == b"not read again"
    assert file_of(tmp_path, second[1].sha256).read_bytes() == b"three"


def test_content_that_is_gone_from_the_folder_is_read_again(tmp_path: Path) -> None:
    _, source = bucket(a=b"one")
    first = copy_all(source, tmp_path)
    file_of(tmp_path, first[0].sha256).unlink()
    second = copy_all(source, tmp_path, known=first)
    assert file_of(tmp_path, second[0].sha256).read_bytes() == b"one"


def test_two_objects_with_one_content_are_one_file_and_what_nothing_needs_goes(tmp_path: Path) -> None:
    store, source = bucket(a=b"same", b=b"same", c=b"other")
    stored = copy_all(source, tmp_path)
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 2
    obstore.delete(store, "c")
    keep_only(tmp_path, copy_all(source, tmp_path, known=stored))
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"same"]


def test_an_object_goes_back_with_its_type_and_its_metadata(tmp_path: Path) -> None:
    store, source = bucket()
    obstore.put(store, "odd/ü b", b"x", attributes={"Content-Type": "text/odd", "made-by": "test"})
    stored = copy_all(source, tmp_path)
    _, target = bucket()
    target.put(stored[0], tmp_path)
    assert differing(stored, copy_all(target, tmp_path / "back")) == ([], [])


def test_objects_that_differ_are_told_from_those_that_are_new(tmp_path: Path) -> None:
    def stored(key: str, content: str, kind: str = "t") -> Stored:
        return Stored(key, 1, content, {"Content-Type": kind}, "any")

    wanted = [stored("same", "1"), stored("changed", "2"), stored("retyped", "3"), stored("gone", "4")]
    found = [stored("same", "1"), stored("changed", "9"), stored("retyped", "3", "other"), stored("new", "5")]
    missing, extra = differing(wanted, found)
    assert [item.key for item in missing] == ["changed", "retyped", "gone"]
    assert [item.key for item in extra] == ["new"]
    write_index(tmp_path / "index", wanted)
    assert read_index(tmp_path / "index") == wanted
    assert read_index(tmp_path / "nowhere") == []


FACTS: dict[str, Any] = {
    "tables": {"public.a": {"rows": 2, "checksum": "7"}, "public.b": {"rows": 0, "checksum": "0"}},
    "sequences": 1,
    "large_objects": 0,
    "indexes": 2,
    "constraints": 2,
}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, []),
        ({"tables": {}}, ["table public.a is missing", "table public.b is missing"]),
        (
            {"tables": FACTS["tables"] | {"public.a": {"rows": 0, "checksum": "0"}}},
            ["table public.a has 0 rows instead of 2"],
        ),
        (
            {"tables": FACTS["tables"] | {"public.a": {"rows": 2, "checksum": "8"}}},
            ["table public.a has other content"],
        ),
        ({"tables": FACTS["tables"] | {"public.c": {"rows": 1, "checksum": "1"}}}, ["table public.c is new"]),
        ({"indexes": 1, "large_objects": 3}, ["3 large objects instead of 0", "1 indexes instead of 2"]),
    ],
)
def test_a_database_that_came_back_otherwise_is_described(found: dict[str, Any], said: list[str]) -> None:
    assert differences(FACTS, FACTS | found) == said


def test_names_and_texts_are_quoted_for_sql() -> None:
    assert quoted('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"


@pytest.mark.parametrize(
    ("setting", "sql"),
    [
        ("search_path=app, public", "'app', 'public'"),
        ("""search_path="$user", "odd ""name", x\"""", """'$user', 'odd "name', 'x'"""),
        ('search_path=""', "''"),
        ("statement_timeout=5s", "'5s'"),
        ("log_line_prefix=a, b", "'a, b'"),
    ],
)
def test_a_setting_that_is_a_list_comes_back_as_one(setting: str, sql: str) -> None:
    said: list[str] = []

    class Session:
        def ask(self, _: str) -> list[str]:
            return []

        def do(self, sql: str) -> None:
            said.append(sql)

    like = {"roles": [], "encoding": "UTF8", "owner": "x", "collate": "C", "ctype": "C", "settings": [setting]}
    postgres.make_database(cast("postgres.Session", Session()), "new", like)
    assert said[-1] == f'ALTER DATABASE "new" SET "{setting.partition("=")[0]}" TO {sql}'


def snapshot_of_redis(content: bytes) -> bytes:
    body = b"REDIS0010" + content + b"\xff"
    return body + rdb.crc64(body).to_bytes(8, "little")


def test_the_checksum_of_redis_is_the_one_in_its_own_tests() -> None:
    assert rdb.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


def test_a_whole_snapshot_of_redis_passes_and_a_part_or_a_changed_one_does_not(tmp_path: Path) -> None:
    whole = snapshot_of_redis(b"x" * 100)
    file = tmp_path / "redis.rdb"
    file.write_bytes(whole)
    rdb.check(file)
    file.write_bytes(whole[:-8] + bytes(8))
    rdb.check(file)
    for broken in (whole[:-9] + whole[-8:], whole[:50] + b"y" + whole[51:]):
        file.write_bytes(broken)
        with pytest.raises(Problem, match=r"redis\.rdb is damaged"):
            rdb.check(file)
    for nothing in (b"", b"REDIS0010", b"something else entirely"):
        file.write_bytes(nothing)
        with pytest.raises(Problem, match=r"redis\.rdb is no snapshot of Redis"):
            rdb.check(file)


@pytest.fixture
def whole(tmp_path: Path) -> manifest.Manifest:
    _, source = bucket(a=b"one", b=b"two")
    stored = copy_all(source, tmp_path / manifest.FOLDER)
    write_index(tmp_path / manifest.INDEX, stored)
    (tmp_path / manifest.DUMP).write_bytes(b"dump")
    (tmp_path / manifest.SNAPSHOT).write_bytes(snapshot_of_redis(b""))
    manifest.write(
        tmp_path,
        {
            "postgres": manifest.described(tmp_path / manifest.DUMP),
            "redis": manifest.described(tmp_path / manifest.SNAPSHOT),
            "objects": manifest.described(tmp_path / manifest.INDEX, count=2),
        },
    )
    return manifest.Manifest.read(tmp_path)


def test_a_whole_snapshot_passes(whole: manifest.Manifest) -> None:
    assert whole.parts() == ["postgres", "redis", "objects"]
    whole.check(whole.parts())


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (manifest.DUMP, "postgres.dump of the snapshot is not what was backed up"),
        (manifest.SNAPSHOT, "redis.rdb of the snapshot is not what was backed up"),
        (manifest.INDEX, "objects.jsonl of the snapshot is not what was backed up"),
    ],
)
def test_a_changed_or_missing_file_is_named(whole: manifest.Manifest, file: str, said: str) -> None:
    (whole.folder / file).write_bytes(b"changed")
    with pytest.raises(Problem, match=said):
        whole.check(whole.parts())
    (whole.folder / file).unlink()
    with pytest.raises(Problem, match=f"the snapshot lacks {file}"):
        whole.check(whole.parts())


def test_a_changed_or_missing_object_is_named(whole: manifest.Manifest) -> None:
    path = file_of(whole.folder / manifest.FOLDER, whole.objects()[1].sha256)
    path.write_bytes(b"changed")
    with pytest.raises(Problem, match="object b of the snapshot is missing or other"):
        whole.check(["objects"])
    shutil.rmtree(whole.folder / manifest.FOLDER)
    with pytest.raises(Problem, match="object a of the snapshot is missing or other"):
        whole.check(["objects"])


def test_a_snapshot_without_a_manifest_or_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="the snapshot has no manifest"):
        manifest.Manifest.read(tmp_path)
    (tmp_path / manifest.NAME).write_text(json.dumps({"format": 2}))
    with pytest.raises(Problem, match="manifest has format 2, this program reads 1"):
        manifest.Manifest.read(tmp_path)
