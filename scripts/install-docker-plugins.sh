#!/usr/bin/env bash
# Installs buildx and Compose for this user where the Docker client has none, or too old ones:
# scripts/install-docker-plugins.sh [buildx] [compose]
#
# They are built as one Go module (docker/airgap/docker-plugins): the Go proxy is all they need, and what both of them need
# is compiled once.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

# Compose builds with buildx from 0.17 on; Compose files of ours need the merge tags of 2.24.
declare -A minimum=([buildx]=0.17.0 [compose]=2.24.0)
declare -A package=([buildx]=github.com/docker/buildx/cmd/buildx [compose]=github.com/docker/compose/v2/cmd)

command -v docker >/dev/null || fail "Docker is not installed: on Debian or Ubuntu run \`sudo apt-get install docker.io\`"
[ $# -gt 0 ] || set -- buildx compose
plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins

for plugin in "$@"; do
    [ -n "${minimum[$plugin]:-}" ] || fail "there is no plugin \"$plugin\"; the plugins are buildx and compose"
    installed=$(docker "$plugin" version 2>/dev/null | grep --only-matching --extended-regexp '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 || true)
    if [ -n "$installed" ] && at_least "$installed" "${minimum[$plugin]}"; then
        continue
    fi
    echo "==> building docker $plugin (${installed:-none} here, ${minimum[$plugin]} or newer needed), some minutes the first time"
    work=$(mktemp --directory)
    trap 'rm -rf "$work"' EXIT
    log=${SLIDEGENIE_CACHE:-$HOME/.cache/slidegenie}/logs/docker-$plugin.log
    mkdir -p "$plugins" "$(dirname "$log")"
    scripts/build-go-module.sh docker/airgap/docker-plugins "$work" "${package[$plugin]}" >"$log" 2>&1 \
        || fail "docker $plugin could not be built: $(reason "$log") (all of it: $log)"
    # Renamed into place: a client must never start half a plugin.
    install -m 0755 "$work"/* "$plugins/.docker-$plugin.new"
    mv "$plugins/.docker-$plugin.new" "$plugins/docker-$plugin"
    rm -rf "$work"
done
