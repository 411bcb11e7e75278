-- Runs as often as it likes: it makes the role of the exporter, or makes it as it should be.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/monitor-password`
SELECT 'CREATE ROLE monitor' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'monitor')
\gexec
ALTER ROLE monitor WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 5 PASSWORD :'password';
GRANT pg_monitor TO monitor;
