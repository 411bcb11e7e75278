#!/bin/sh
# postgres.sh admit   makes the login $LOGIN, or makes it as it should be
# postgres.sh retire  ends every other login of its kind
#
# The administrator and its deputy give each other the passwords in their files: so either of them can be rotated while
# the server runs.
set -eu

as() {
    PGPASSWORD=$(cat "/run/secrets/$1-password") PGCONNECT_TIMEOUT=5 \
        psql --quiet --no-psqlrc --host postgres --dbname slidegenie --username "$2" --file "$3"
}

if as administrator slidegenie /dev/null 2>/dev/null; then
    as administrator slidegenie "/run/secrets/$1.sql"
elif as login slidegenie /dev/null 2>/dev/null; then
    # A database from before there were two: its administrator has the password that was given for services.
    as login slidegenie "/run/secrets/$1.sql"
elif said=$(as deputy slidegenie_deputy /dev/null 2>&1); then
    as deputy slidegenie_deputy "/run/secrets/$1.sql"
else
    echo "$said" >&2
    case $said in *"password authentication failed"*)
        echo "the database takes no administrator of this stack: another one made it, or another state of this one" \
            "(docs/operations.md, Data that is there already)" >&2 ;;
    esac
    exit 1
fi
