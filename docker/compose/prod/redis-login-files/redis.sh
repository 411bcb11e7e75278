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

# redis-cli ends with 0 whatever the server answers.
as "$user" <"/run/secrets/$1" | while read -r answer; do
    case $answer in
        OK | '') ;;
        *) echo "Redis answered: $answer" >&2; exit 1 ;;
    esac
done
