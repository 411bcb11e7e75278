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

-- What the administrator owns, a restored backup for example. A sequence of a column goes with its table, and what an
-- extension made stays its own.
SELECT format('ALTER TABLE %I.%I OWNER TO slidegenie_owner', nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relowner = 'slidegenie'::regrole
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'e', 'i')
    )
\gexec
COMMIT;
