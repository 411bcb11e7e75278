-- Every login but the current one ends, and with it the sessions that somebody may still hold with an old password.
\set ON_ERROR_STOP on
\set login `echo "$LOGIN"`

SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles
WHERE rolname ~ '^slidegenie_[0-9a-z]{8}$' AND rolname <> :'login'
\gexec

SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename ~ '^slidegenie_[0-9a-z]{8}$' AND usename <> :'login' \g /dev/null

-- Nothing belongs to a login, unless somebody left the role of its session.
SELECT format('REASSIGN OWNED BY %1$I TO slidegenie_owner', rolname), format('DROP OWNED BY %I', rolname),
    format('DROP ROLE %I', rolname) FROM pg_roles
WHERE rolname ~ '^slidegenie_[0-9a-z]{8}$' AND rolname <> :'login'
\gexec
