#!/bin/sh
# minio.sh admit   makes the bucket $BUCKET and a user that may use this bucket and nothing else
# minio.sh retire  removes every other user of its kind
set -eu

MC_HOST_store="http://$(cat /run/secrets/root-access-key):$(cat /run/secrets/root-secret-key)@minio:9000"
export MC_HOST_store
policy=slidegenie-bucket
mc() { command mc --config-dir /tmp/mc --quiet "$@"; }

# It is healthy a moment before it knows its users.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if mc admin user ls --json store >/tmp/users 2>/tmp/said; then break; fi
    if [ "$attempt" = 10 ]; then cat /tmp/said >&2; exit 1; fi
    sleep 2
done

current=$(cat /run/secrets/access-key)

admit() {
    mc mb --ignore-existing "store/$BUCKET"
    mc admin policy create store "$policy" /run/secrets/policy.json
    # Through standard input: an argument can be read by others on this machine.
    printf '%s\n%s\n' "$current" "$(cat /run/secrets/secret-key)" | mc admin user add store
    grep -F "\"accessKey\":\"$current\"" /tmp/users | grep -qF "\"policyName\":\"$policy\"" \
        || mc admin policy attach store "$policy" --user "$current"
}

retire() {
    grep -F "\"policyName\":\"$policy\"" /tmp/users | sed 's/.*"accessKey":"\([^"]*\)".*/\1/' | while read -r user; do
        [ "$user" = "$current" ] || mc admin user rm store "$user"
    done
}

"$1"
