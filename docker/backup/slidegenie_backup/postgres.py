"""PostgreSQL: a consistent dump, what must be in it row by row, and databases that change places by name."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .config import Config
from .console import megabytes
from .files import room
from .problems import Problem
from .process import last_words, run

_MAINTENANCE = "postgres"
_PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_DONE = "-- that was all --"
_AS_TEXT = """
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';
SET extra_float_digits = 3; SET search_path = pg_catalog; SET statement_timeout = 0;
"""
"""A row must read the same wherever its checksum is made."""
_TABLES = """
SELECT json_build_array(n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1::text
"""
_ROWS = """
SELECT json_build_array(count(*), coalesce(sum(
 ('x' || substr(encode(sha256(convert_to(t::text, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint::numeric
), 0)::text) FROM ONLY {table} t
"""
"""A sum does not depend on the order of the rows, which no dump keeps."""
_OBJECTS = """
SELECT json_build_object(
 'sequences', (SELECT count(*) FROM pg_sequences),
 'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
 'indexes', (SELECT count(*) FROM pg_indexes WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema'),
 'constraints', (SELECT count(*) FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND k.contype <> 'n'))
"""
_END_SESSIONS = """
SELECT to_json(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = {database}
"""
_SIZE = "SELECT to_json(sum(pg_table_size(oid))::bigint) FROM pg_class WHERE relkind = 'r'"
"""Without indexes: a dump has none."""
_LISTS = frozenset(
    {"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries"}
    | {"temp_tablespaces", "unix_socket_directories"}
)
"""Settings that are lists: in quotes as a whole, theirs would be one name. `pg_dump` knows the same ones."""
_ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')
_DATABASE = """
SELECT json_build_object('encoding', pg_encoding_to_char(encoding), 'owner', pg_get_userbyid(datdba),
 'collate', datcollate, 'ctype', datctype,
 'server', current_setting('server_version'),
 'roles', (SELECT json_agg(rolname ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'),
 'settings', (SELECT coalesce(json_agg(s), '[]') FROM pg_db_role_setting r, unnest(r.setconfig) s
   WHERE r.setdatabase = d.oid AND r.setrole = 0))
FROM pg_database d WHERE datname = current_database()
"""


@dataclass(frozen=True)
class Server:
    """How to reach one server; every tool of PostgreSQL takes it from the environment."""

    environment: Mapping[str, str] = field(repr=False)
    """Variables of libpq."""
    database: str
    """The database that matters."""

    @classmethod
    def configured(cls, config: Config) -> "Server":
        """Return the platform's server."""
        env = config.variables
        return cls(
            {
                "PGHOST": env["DATABASE_HOST"],
                "PGPORT": env["DATABASE_PORT"],
                "PGUSER": env["DATABASE_USER"],
                "PGSSLMODE": env["DATABASE_SSLMODE"],
                "PGPASSWORD": config.secret("DATABASE_PASSWORD_FILE"),
                "PGCONNECT_TIMEOUT": "10",
                **_trust(env),
            },
            env["DATABASE_NAME"],
        )

    def session(self, database: str | None = None) -> "Session":
        """Open a session, on the database that matters unless another is named."""
        return Session(self.environment, database or self.database)

    def maintenance(self) -> "Session":
        """Open a session from which databases can be made, renamed and dropped."""
        return Session(self.environment, _MAINTENANCE)

    def load(self, dump: Path, database: str) -> None:
        """Read `dump` into `database`, stopping at the first error."""
        run(
            [
                "pg_restore",
                "--exit-on-error",
                "--no-publications",
                "--no-subscriptions",
                f"--dbname={database}",
                str(dump),
            ],
            self.environment,
            task=f"{dump.name} cannot be restored",
        )


def _trust(env: Mapping[str, str]) -> dict[str, str]:
    """Return by what the server is trusted, as the application does; libpq would look into the home folder."""
    if not env["DATABASE_SSLMODE"].startswith("verify-"):
        return {}
    return {"PGSSLROOTCERT": env.get("DATABASE_SSLROOTCERT") or env.get("SSL_CERT_FILE") or _PUBLIC_AUTHORITIES}


class Session:
    """One `psql` that stays: a transaction can span several questions."""

    def __init__(self, environment: Mapping[str, str], database: str) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the session
        self._psql = subprocess.Popen(  # noqa: S603 - no shell
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database],  # noqa: S607
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._psql.stdin:
            self._psql.stdin.close()
        self._psql.wait()
        if self._psql.stdout:
            self._psql.stdout.close()
        self._said.close()

    def ask(self, sql: str) -> list[Any]:
        """Run `sql` and return its rows, each a single JSON value.

        Raises:
            Problem: with what PostgreSQL said.
        """
        rows: list[Any] = []
        try:
            assert self._psql.stdin is not None and self._psql.stdout is not None  # noqa: S101, PT018 - both are pipes
            self._psql.stdin.write(f"{sql}\n;\n\\echo '{_DONE}'\n")
            self._psql.stdin.flush()
            for line in self._psql.stdout:
                if line.rstrip("\n") == _DONE:
                    return rows
                rows.append(json.loads(line))
        except BrokenPipeError:
            pass
        self._psql.wait()
        self._said.seek(0)
        raise Problem(f"PostgreSQL: {last_words(self._said.read())}")

    def do(self, sql: str) -> None:
        """Run `sql` for its effect."""
        self.ask(sql)

    def facts(self) -> dict[str, Any]:
        """Return rows and checksum of every table, and how many other things there are."""
        self.do(_AS_TEXT)
        tables = {}
        for schema, table in self.ask(_TABLES):
            rows, checksum = self.ask(_ROWS.format(table=f"{quoted(schema)}.{quoted(table)}"))[0]
            tables[f"{schema}.{table}"] = {"rows": rows, "checksum": checksum}
        return {"tables": tables, **self.ask(_OBJECTS)[0]}


def dump(server: Server, path: Path) -> dict[str, Any]:
    """Dump the database into `path` and return what is in it, both as of one moment.

    Raises:
        Problem: when it fails, and before it begins when there is no room for it.
    """
    with server.session() as session:
        if (size := session.ask(_SIZE)[0]) > (free := room(path.parent)):
            raise Problem(
                f"there is no room for the dump: the tables have {megabytes(size)}, {path.parent} has"
                f" {megabytes(free)} free: make room on its disk"
            )
        session.do("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = session.ask("SELECT to_json(pg_export_snapshot())")[0]
        # Neither compressed nor encrypted here: restic does both, and finds what is the same as yesterday.
        flags = ["--format=custom", "--compress=0", f"--snapshot={snapshot}", f"--file={path}"]
        run(["pg_dump", *flags, server.database], server.environment, task="the database cannot be dumped")
        return {**session.facts(), "database": session.ask(_DATABASE)[0]}


def make_database(session: Session, name: str, like: Mapping[str, Any]) -> None:
    """Make an empty database as the dumped one was, and roles that its objects name."""
    present = set(session.ask("SELECT to_json(rolname) FROM pg_roles"))
    for role in sorted(set(like["roles"]) - present):
        session.do(f"CREATE ROLE {quoted(role)} NOLOGIN")
    session.do(
        f"CREATE DATABASE {quoted(name)} TEMPLATE template0 ENCODING {literal(like['encoding'])}"
        f" OWNER {quoted(like['owner'])}"
        f" LC_COLLATE {literal(like['collate'])} LC_CTYPE {literal(like['ctype'])}"
    )
    for setting in like["settings"]:
        key, _, value = setting.partition("=")
        session.do(f"ALTER DATABASE {quoted(name)} SET {quoted(key)} TO {_setting(key, value)}")


def _setting(key: str, value: str) -> str:
    elements = [plain or inner.replace('""', '"') for inner, plain in _ELEMENT.findall(value)]
    return ", ".join(map(literal, elements)) if key in _LISTS and elements else literal(value)


def databases(session: Session) -> set[str]:
    """Return the names of all databases."""
    return set(session.ask("SELECT to_json(datname) FROM pg_database"))


def drop_database(session: Session, name: str) -> None:
    """Remove a database, with whoever is connected to it."""
    session.do(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def move_away(session: Session, name: str, new: str) -> None:
    """Rename a database that is in use; nobody can connect to it until it is moved back."""
    session.do(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS false")
    session.do(_END_SESSIONS.format(database=literal(name)))
    session.do(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(new)}")


def let_in(session: Session, name: str) -> None:
    """Let everybody connect to a database again."""
    session.do(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS true")


def move_in(session: Session, name: str, new: str) -> None:
    """Give a database the name that everybody connects to."""
    let_in(session, name)
    session.do(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(new)}")


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Say where a restored database is another one than the dumped one; nothing when it is the same."""
    lines = []
    for table, wanted in sorted(expected["tables"].items()):
        got = found["tables"].get(table)
        if got is None:
            lines.append(f"table {table} is missing")
        elif got["rows"] != wanted["rows"]:
            lines.append(f"table {table} has {got['rows']} rows instead of {wanted['rows']}")
        elif got["checksum"] != wanted["checksum"]:
            lines.append(f"table {table} has other content")
    lines += [f"table {table} is new" for table in sorted(found["tables"].keys() - expected["tables"].keys())]
    lines += [
        f"{found[kind]} {kind.replace('_', ' ')} instead of {expected[kind]}"
        for kind in ("sequences", "large_objects", "indexes", "constraints")
        if found[kind] != expected[kind]
    ]
    return lines


def quoted(name: str) -> str:
    """Return an identifier as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"
