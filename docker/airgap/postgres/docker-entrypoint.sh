#!/usr/bin/env bash
# The contract of the official image: options go to the server; on an empty PGDATA a cluster is initialised first, from
# POSTGRES_{USER,PASSWORD,DB,INITDB_ARGS} (or the same with _FILE), POSTGRES_HOST_AUTH_METHOD and
# /docker-entrypoint-initdb.d. Anything else is run as it is.
#
# One thing differs. A start that is killed while it initialises leaves nothing that the next start takes for a database:
# the cluster grows in a folder inside PGDATA, is named complete when it is, and only then moves up.

# Without -u: scripts of the user are sourced into this shell, and were written for the official image.
set -Eeo pipefail

growing=$PGDATA/.initialising
complete=$PGDATA/.initialised

fail() { echo "error: $1" >&2; exit 1; }

# Sets the variable $1 from itself, from the file that $1_FILE names, or to $2.
read_variable() {
    local file=$1_FILE
    if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
        fail "$1 and $file are both set; set one of them"
    fi
    if [ -n "${!file:-}" ]; then
        printf -v "$1" '%s' "$(<"${!file}")"
    elif [ -z "${!1:-}" ]; then
        printf -v "$1" '%s' "${2:-}"
    fi
    export "${1?}"
    unset "$file"
}

read_settings() {
    read_variable POSTGRES_PASSWORD
    read_variable POSTGRES_USER postgres
    read_variable POSTGRES_DB "$POSTGRES_USER"
    read_variable POSTGRES_INITDB_ARGS
    if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        fail "the database is not initialised and has no password: set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD"
    fi
}

# initdb refuses a user without a name, which is what --user makes of most numbers.
name_this_user() {
    if getent passwd "$(id -u)" >/dev/null; then return; fi
    NSS_WRAPPER_PASSWD=$(mktemp)
    NSS_WRAPPER_GROUP=$(mktemp)
    export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
    echo "postgres:x:$(id -g):" >"$NSS_WRAPPER_GROUP"
    LD_PRELOAD=$(echo /usr/lib/*/libnss_wrapper.so)
    export LD_PRELOAD
}

unname_this_user() {
    if [ -z "${NSS_WRAPPER_PASSWD:-}" ]; then return; fi
    rm "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
}

# Runs SQL on the server that initialises; scripts of the user know it by this name.
docker_process_sql() {
    PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

create_database() {
    if [ "$POSTGRES_DB" != postgres ]; then
        docker_process_sql --dbname postgres --set database="$POSTGRES_DB" <<<'CREATE DATABASE :"database";'
    fi
}

run_user_scripts() {
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        if [ ! -e "$script" ]; then continue; fi
        case $script in
            *.sh)
                if [ -x "$script" ]; then
                    echo "$0: running $script"
                    "$script"
                else
                    echo "$0: sourcing $script"
                    # shellcheck source=/dev/null
                    . "$script"
                fi
                ;;
            *.sql) echo "$0: running $script"; docker_process_sql --file "$script" ;;
            *.sql.gz) echo "$0: running $script"; gunzip --stdout "$script" | docker_process_sql ;;
            *) echo "$0: ignoring $script" ;;
        esac
    done
}

# $@ are the options of the server.
initialise() {
    local arguments
    # A folder that cannot be read would be taken for an empty one.
    ls /docker-entrypoint-initdb.d >/dev/null
    rm -rf "$growing"
    mkdir "$growing"

    name_this_user
    # The arguments are one string of shell words, quotes and all.
    eval "arguments=($POSTGRES_INITDB_ARGS)"
    initdb --pgdata="$growing" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
    unname_this_user
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-$(postgres -D "$growing" -C password_encryption "$@")}" \
        >>"$growing/pg_hba.conf"

    # For this server alone, and through its socket alone; the password is for those who forbid the socket without one.
    export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
    PGUSER=${PGUSER:-$POSTGRES_USER} pg_ctl --pgdata="$growing" --wait start \
        --options="$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")"
    create_database
    run_user_scripts
    pg_ctl --pgdata="$growing" --wait --mode=fast stop
    unset PGPASSWORD

    # From here on the cluster counts: not even a power cut may leave half of it under this name.
    sync --file-system "$growing"
    mv "$growing" "$complete"
}

# PG_VERSION goes last: with it in place there is a database.
move_up() {
    find "$complete" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv --target-directory="$PGDATA" {} +
    sync --file-system "$PGDATA"
    find "$complete" -mindepth 1 -maxdepth 1 -exec mv --target-directory="$PGDATA" {} +
    rmdir "$complete"
}

# $@ are the options of the server.
prepare_database() {
    local stray
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA" || fail "$PGDATA belongs to user $(stat --format %u "$PGDATA") and the server runs as user $(id -u): give it the folder, or set PGDATA to one below it"
    if [ -d "$complete" ]; then
        move_up
    elif [ -s "$PGDATA/PG_VERSION" ]; then
        echo "$0: $PGDATA holds a database; nothing to initialise"
    else
        stray=$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -path "$growing" ! -name lost+found -print -quit)
        [ -z "$stray" ] || fail "$PGDATA holds no database, but $stray: empty it, or set PGDATA to a folder below it"
        read_settings
        initialise "$@"
        move_up
    fi
}

case ${1:-} in
    -*) set -- postgres "$@" ;;
esac
# --version and the like only print; a server needs its database.
if [ "${1:-}" = postgres ]; then
    case " $* " in
        *" --help "* | *" -? "* | *" --version "* | *" -V "* | *" --describe-config "*) ;;
        *)
            prepare_database "${@:2}"
            unset "${!POSTGRES_@}"
            ;;
    esac
fi

exec "$@"
