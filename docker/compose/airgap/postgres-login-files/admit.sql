-- Runs as often as it likes. Clients log in under a name of its own for each password: two of them can be valid at
-- once, and a rotation cuts nobody off. Every session then acts as the one owner of all tables.
\set ON_ERROR_STOP on
\set login `echo "$LOGIN"`
\set login_password `cat /run/secrets/login-password`
\set administrator_password `cat /run/secrets/administrator-password`
\set deputy_password `cat /run/secrets/deputy-password`

-- A statement that is slow or fails would be logged with the password in it.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET lock_timeout = '20s';

BEGIN;
-- Two runs at once would both find a role missing.
SELECT pg_advisory_xact_lock(5117311) \g /dev/null

SELECT format('CREATE ROLE %I', role) FROM unnest(ARRAY['slidegenie_owner', 'slidegenie_deputy', :'login']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE slidegenie WITH LOGIN PASSWORD :'administrator_password';
ALTER ROLE slidegenie_deputy WITH LOGIN SUPERUSER CONNECTION LIMIT 2 PASSWORD :'deputy_password';
ALTER ROLE :"login" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'login_password';
GRANT slidegenie_owner TO :"login";
ALTER ROLE :"login" SET role = 'slidegenie_owner';

ALTER DATABASE slidegenie OWNER TO slidegenie_owner;
GRANT USAGE, CREATE ON SCHEMA public TO slidegenie_owner;

-- What the administrator owns: all of a database from before there was an owner. A sequence of a column goes with its
-- table, and what an extension made stays its own.
CREATE TEMPORARY VIEW ours AS
SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';
CREATE TEMPORARY VIEW bound AS
SELECT classid, objid FROM pg_depend WHERE deptype IN ('a', 'e', 'i');

SELECT format('ALTER SCHEMA %I OWNER TO slidegenie_owner', nspname)
FROM pg_namespace JOIN ours USING (oid, nspname)
WHERE nspowner = 'slidegenie'::regrole
    AND NOT EXISTS (SELECT FROM bound WHERE classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid)
\gexec

SELECT format('ALTER TABLE %I.%I OWNER TO slidegenie_owner', nspname, relname)
FROM pg_class JOIN ours ON ours.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relowner = 'slidegenie'::regrole
    AND NOT EXISTS (SELECT FROM bound WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid)
\gexec

SELECT format('ALTER TYPE %I.%I OWNER TO slidegenie_owner', nspname, typname)
FROM pg_type JOIN ours ON ours.oid = typnamespace
WHERE typowner = 'slidegenie'::regrole
    AND (typtype IN ('e', 'd', 'r') OR (SELECT relkind FROM pg_class WHERE pg_class.oid = typrelid) = 'c')
    AND NOT EXISTS (SELECT FROM bound WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid)
\gexec

SELECT format('ALTER ROUTINE %s OWNER TO slidegenie_owner', pg_proc.oid::regprocedure)
FROM pg_proc JOIN ours ON ours.oid = pronamespace
WHERE proowner = 'slidegenie'::regrole
    AND NOT EXISTS (SELECT FROM bound WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid)
\gexec
COMMIT;
