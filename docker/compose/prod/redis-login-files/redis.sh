#!/bin/sh
# redis.sh admit   lets the user's current password in, beside the one before
# redis.sh retire  leaves it the only one
#
# A restart of Redis reads the access list, which says the same as `retire`. The administrator and its deputy give each
# other the passwords in their files: so either of them can be rotated while the server runs.
set -eu

as() {
    REDISCLI_AUTH=$(cat "/run/secrets/$1-password") redis-cli -h redis --user "$1" --no-auth-warning
}

user=administrator
[ "$(echo PING | as administrator 2>/dev/null)" = PONG ] || user=deputy

# redis-cli ends with 0 whatever the server answers; a server that cannot be reached gives fewer answers.
answers=$(as "$user" <"/run/secrets/$1")
said=$(echo "$answers" | grep -vx OK | grep -v '^$' | head -n 1) || true
[ -z "$said" ] || { echo "Redis answered: $said" >&2; exit 1; }
[ "$(echo "$answers" | grep -cx OK)" = "$(grep -c . "/run/secrets/$1")" ] || { echo "Redis did not answer" >&2; exit 1; }
